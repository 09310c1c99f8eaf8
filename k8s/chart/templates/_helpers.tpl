{{/* What every object carries. Takes a dict: `root`, `name`. */}}
{{- define "yonin.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: yonin
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end }}

{{/* One of Yonin's own images. Takes a dict: `root`, `name`. */}}
{{- define "yonin.image" -}}
{{ .root.Values.images.registry }}/{{ .name }}:{{ .root.Values.images.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* What every pod says of itself. The root context. */}}
{{- define "yonin.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* A pod that runs as one user that is not root. Takes the user. */}}
{{- define "yonin.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ . }}
  runAsGroup: {{ . }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* A container without any rights. */}}
{{- define "yonin.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Where traces go, as environment variables; nothing unless a collector is named. The root context. */}}
{{- define "yonin.traceVariables" -}}
{{- with .Values.telemetry.otlp }}
{{- if .endpoint -}}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ .endpoint }}
OTEL_TRACES_SAMPLER: parentbased_traceidratio
OTEL_TRACES_SAMPLER_ARG: {{ divf .percent 100 | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Probes of a server that speaks no HTTP. Takes a dict: `port`, `start`: seconds that it may take to start. */}}
{{- define "yonin.tcpProbes" -}}
startupProbe:
  tcpSocket: {port: {{ .port }}}
  periodSeconds: 5
  failureThreshold: {{ div .start 5 }}
livenessProbe:
  tcpSocket: {port: {{ .port }}}
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  tcpSocket: {port: {{ .port }}}
  periodSeconds: 5
{{- end }}

{{/* Probes of a service of ours: alive says nothing of others, ready does. */}}
{{- define "yonin.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  # As long as the agents wait for a store that is about to start, and some more.
  failureThreshold: 120
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{/* A claim of a StatefulSet. Takes a dict: `name`, `storage`. */}}
{{- define "yonin.claim" -}}
volumeClaimTemplates:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: {{ .name }}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .storage.className }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .storage.size }}
{{- end }}
