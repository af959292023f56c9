{{/* Names */}}
{{- define "levee.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "levee.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := include "levee.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "levee.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "levee.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Cluster-wide objects carry the namespace too, so that two releases of one name don't share them. */}}
{{- define "levee.clusterName" -}}
{{- $name := include "levee.fullname" . }}
{{- if eq $name .Release.Namespace }}{{ $name }}{{ else }}{{ printf "%s-%s" .Release.Namespace $name | trunc 200 }}{{ end }}
{{- end }}

{{- define "levee.leaseName" -}}
{{- default (include "levee.fullname" .) .Values.leaderElection.leaseName }}
{{- end }}

{{/* Labels and annotations */}}
{{- define "levee.selectorLabels" -}}
app.kubernetes.io/name: {{ include "levee.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "levee.labels" -}}
{{- $labels := dict
  "app.kubernetes.io/name" (include "levee.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" (.Chart.AppVersion | toString)
  "app.kubernetes.io/part-of" "levee"
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- toYaml (merge $labels .Values.commonLabels) }}
{{- end }}

{{/* The metadata of an object: a list of the root, the object's name, and a mapping with any of namespace, labels, annotations, component. */}}
{{- define "levee.metadata" -}}
{{- $root := index . 0 }}
{{- $more := index . 2 }}
name: {{ index . 1 }}
{{- with $more.namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- $labels := include "levee.labels" $root | fromYaml }}
  {{- with $more.component }}{{ $_ := set $labels "app.kubernetes.io/component" . }}{{ end }}
  {{- toYaml (mergeOverwrite $labels (deepCopy (default dict $more.labels))) | nindent 2 }}
{{- with merge (deepCopy (default dict $more.annotations)) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Images */}}
{{- define "levee.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag | toString) }}
{{- if .Values.image.digest }}{{ printf "%s@%s" $image .Values.image.digest }}{{ else }}{{ $image }}{{ end }}
{{- end }}

{{- define "levee.workerImage" -}}
{{- default (include "levee.image" .) .Values.worker.image }}
{{- end }}

{{/* What the schema cannot say. */}}
{{- define "levee.validate" -}}
{{- if and (not .Values.leaderElection.enabled) (gt (int .Values.replicas) 1) }}
{{- fail "replicas: several operators need leaderElection.enabled, else all of them work at once" }}
{{- end }}
{{- if and (not .Values.leaderElection.enabled) (eq (default "" .Values.strategy.type) "RollingUpdate") }}
{{- fail "strategy.type: without leaderElection.enabled it must be Recreate, else two operators work at once during a rollout" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics: enable the serviceMonitor or the podMonitor, not both, else everything is counted twice" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.service.enabled) }}
{{- fail "metrics.serviceMonitor: it scrapes through the Service; set service.enabled, or use the podMonitor" }}
{{- end }}
{{- if and (not .Values.metrics.enabled) (or .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled) }}
{{- fail "metrics: the monitors need metrics.enabled" }}
{{- end }}
{{- if eq (int .Values.metrics.port) (int .Values.health.port) }}
{{- fail "metrics.port and health.port must differ" }}
{{- end }}
{{- if and .Values.podDisruptionBudget.minAvailable (gt (int .Values.replicas) 1) (eq (toString .Values.podDisruptionBudget.minAvailable) (toString .Values.replicas)) }}
{{- fail "podDisruptionBudget.minAvailable: as many as there are replicas; no node could ever be drained" }}
{{- end }}
{{- if .Values.watchNamespaces }}
{{- range .Values.rbac.secrets.namespaces }}
{{- if not (has . $.Values.watchNamespaces) }}
{{- fail (printf "rbac.secrets.namespaces: %s is not among watchNamespaces" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What the operator does in the namespaces that it looks after; Tests/Interop/test_chart.py holds it to the requests that the operator makes. */}}
{{- define "levee.rules" -}}
# Desired state is people's: read here, written nowhere.
- apiGroups: [levee.dev]
  resources: [storageprofiles, deltatables, maintenancepolicies, tableclones]
  verbs: [list, watch]
# For the targets of clones that ask for one (target.createTable).
- apiGroups: [levee.dev]
  resources: [deltatables]
  verbs: [create]
# Runs are made, cancelled and cleared away.
- apiGroups: [levee.dev]
  resources: [tableoperations]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [levee.dev]
  resources: [storageprofiles/status, deltatables/status, maintenancepolicies/status, tableclones/status, tableoperations/status]
  verbs: [patch]
# Owner references that hold their owner's deletion up need it on clusters with OwnerReferencesPermissionEnforcement.
- apiGroups: [levee.dev]
  resources: [storageprofiles/finalizers, deltatables/finalizers, tableclones/finalizers, tableoperations/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [list, create, patch]
{{- end }}

{{/* The secrets that profiles name: their content when it is needed, and a watch of each one's metadata. */}}
{{- define "levee.secretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
  {{- with .Values.rbac.secrets.names }}
  resourceNames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "levee.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "levee.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}
