"""Only those who need it can connect to the pods, and the pods only to what they need."""

from tests.helm.rendering import of_kind, pods

POLICIES = of_kind("NetworkPolicy")


def test_one_policy_closes_all_pods() -> None:
    policy = POLICIES[""]["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    for pod in pods().values():
        labels = pod["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()


def test_prometheus_proxies_and_chosen_clients_reach_one_port_each() -> None:
    ports = {
        program: policy["spec"]["ingress"][0]["ports"]
        for program, policy in POLICIES.items()
        if program
    }

    assert ports == {
        "worker": [{"protocol": "TCP", "port": "metrics"}],
        "admin": [{"protocol": "TCP", "port": "http"}],
        "flower": [{"protocol": "TCP", "port": "http"}],
    }
    for program in ports:
        (rule,) = POLICIES[program]["spec"]["ingress"]
        assert rule["from"]
        (container,) = pods()[program]["spec"]["containers"]
        assert rule["ports"][0]["port"] in {port["name"] for port in container["ports"]}


def test_nobody_reaches_flower_unless_its_clients_are_named() -> None:
    assert "flower" not in of_kind("NetworkPolicy", name="minimal")


def test_pods_connect_to_names_stores_and_aws_only() -> None:
    to_anywhere, to_credentials, to_collector = POLICIES[""]["spec"]["egress"]

    assert {(one["protocol"], one["port"]) for one in to_anywhere["ports"]} == {
        *(("UDP", 53), ("TCP", 53), ("TCP", 443), ("TCP", 5432), ("TCP", 6379)),
    }
    assert {peer["ipBlock"]["cidr"] for peer in to_credentials["to"]} == {
        *("169.254.170.23/32", "fd00:ec2::23/128"),
    }
    assert to_collector == {"ports": [{"protocol": "TCP", "port": 4318}]}
