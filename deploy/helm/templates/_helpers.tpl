{{- define "conversations.name" -}}
{{- $own := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $own | trunc 45 | trimSuffix "-" -}}
{{- end }}

{{- define "conversations.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .program }}
{{- end }}

{{- define "conversations.labels" -}}
{{ include "conversations.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "conversations.metadata" -}}
name: {{ include "conversations.name" .root }}-{{ .program }}
labels:
  {{- include "conversations.labels" . | nindent 2 }}
{{- end }}

{{- define "conversations.serviceAccountName" -}}
{{- $own := printf "%s-%s" (include "conversations.name" .root) .program -}}
{{- (get .root.Values .program).serviceAccount.name | default $own -}}
{{- end }}

{{- define "conversations.image" -}}
{{- with .Values.image -}}
{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* The data of the ConfigMap. Helm reads numbers as floats, so 1000000 would become 1e+06. */}}
{{- define "conversations.settings" -}}
{{- range $name, $value := merge (dict) .Values.settings .Values.variables }}
{{ $name }}: {{ ternary (printf "%.0f" $value) (toString $value) (kindIs "float64" $value) | quote }}
{{- end }}
{{- with .Values.admin.hosts }}
DJANGO_ALLOWED_HOSTS: {{ join "," . | quote }}
{{- end }}
{{- end }}

{{/* What the pods of all programs have in common. */}}
{{- define "conversations.podMetadata" -}}
labels:
  {{- include "conversations.labels" . | nindent 2 }}
  {{- with .root.Values.pods.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  # Other settings replace the pods. A changed Secret does not.
  checksum/settings: {{ include "conversations.settings" .root | sha256sum }}
  {{- with .root.Values.pods.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "conversations.podSpec" -}}
serviceAccountName: {{ include "conversations.serviceAccountName" . }}
automountServiceAccountToken: false
# Variables such as WORKER_PORT of a service named "worker" would be taken for settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {medium: Memory, sizeLimit: {{ .root.Values.tmpSize }}}
  # Kubernetes replaces the files when a Secret changes.
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        {{- range $name, $secret := include "conversations.secretFiles" .root | fromJson }}
        - secret:
            name: {{ $secret.name }}
            items: [{key: {{ $secret.key }}, path: {{ $name }}}]
        {{- end }}
  {{- if and (eq .program "worker") .root.Values.lake.existingClaim }}
  - name: lake
    persistentVolumeClaim: {claimName: {{ .root.Values.lake.existingClaim }}}
  {{- end }}
{{- end }}

{{- define "conversations.container" -}}
image: {{ include "conversations.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml (get .root.Values .program).resources | nindent 2 }}
envFrom:
  - configMapRef: {name: {{ include "conversations.name" .root }}-{{ .settings | default "settings" }}}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /run/secrets/conversations, readOnly: true}
  {{- if and (eq .program "worker") .root.Values.lake.existingClaim }}
  - {name: lake, mountPath: /var/lib/conversations}
  {{- end }}
{{- end }}

{{/* The secrets that are settings of the service, which reads them from files. */}}
{{- define "conversations.secretFiles" -}}
{{- pick .Values.secrets "SECRET_KEY" "DATABASE_URL" "CELERY_CONTROL_URL" "SENTRY_DSN" | toJson }}
{{- end }}

{{- define "conversations.secrets" -}}
{{- $files := include "conversations.secretFiles" .root | fromJson }}
{{- range $name, $key := .root.Values.secrets }}
{{- if hasKey $files $name }}
- {name: {{ $name }}_FILE, value: /run/secrets/conversations/{{ $name }}}
{{- else if or (ne $name "FLOWER_BASIC_AUTH") (eq $.program "flower") }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef: {{ toJson $key }}
{{- end }}
{{- end }}
{{- end }}

{{/* The address of a listener with a port, with brackets for IPv6. */}}
{{- define "conversations.listenOn" -}}
{{- if contains ":" .root.Values.listenAddress }}[{{ .root.Values.listenAddress }}]
{{- else }}{{ .root.Values.listenAddress }}
{{- end }}:{{ .port }}
{{- end }}
