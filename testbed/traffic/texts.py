"""Invented names and small talk, with accents, emoji and right-to-left text."""

import random

NAMES = ("Ana Souza", "Bruno Lima", "Carla Dias", "Diogo Alves", "Priya Nair", "Tom Baker", "ليلى")

_OPENINGS = ("Oi", "Bom dia", "Hello", "Boa tarde", "नमस्ते", "مرحبا", "Olá 👋")
_TOPICS = (
    "meu pedido não chegou",
    "my invoice shows the wrong amount",
    "preciso trocar o endereço de entrega",
    "the app signs me out every day",
    "quero falar sobre a garantia",
    "o código BR-2291 não funciona 😕",
    "متى يصل الطلب؟",
    "can I change the plan?\nThe old one is too small.",
)
_ENDINGS = ("", " Obrigado!", " Thanks.", " 🙏", " É urgente.", ' ("de novo")')


def sentence(rng: random.Random) -> str:
    """Return a short message."""
    return f"{rng.choice(_OPENINGS)}, {rng.choice(_TOPICS)}{rng.choice(_ENDINGS)}"
