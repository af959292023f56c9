"""The chart, by the real Helm: linted, installed into `levee dev` with a spread of values, upgraded, uninstalled; and what it installs, run."""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess

import pytest
import yaml
from chart_site import (
    CHART, OperatorOfChart, ROOT, account, by_kind, check, deployment, helm_site, install, pod_specs, restricted, site, values_of,
)
from devcluster.control_plane import Kubectl, eventually, kubectls
from helm import HelmError, definitions, objects
from operator_process import STOPPED_AT_WORK, delta_table, levee_object, operation, policy, profile, stopped_worker
from samples import small_files

ALL_MONITORING = {
    "serviceMonitor": {"enabled": True, "interval": "30s", "labels": {"release": "prometheus"}, "metricRelabelings": [{"action": "keep", "regex": "levee_.*"}]},
    "rules": {"enabled": True, "disabled": ["LeveeStoreThrottled"], "alertLabels": {"team": "data"}, "additional": [{"record": "x", "expr": "1"}]},
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Lake"}},
}
EVERYTHING = {
    "commonLabels": {"team": "data"}, "commonAnnotations": {"owner": "lake@example.com"}, "fullnameOverride": "lake-keeper",
    "image": {"repository": "registry.example:5000/levee", "tag": "1.2.3", "digest": "sha256:" + "a" * 64, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}], "worker": {"image": "registry.example/worker:1"},
    "log": {"level": "debug", "format": "text"}, "kubeAPI": {"qps": 20, "burst": 40}, "lendIdentity": True,
    "extraArgs": ["--allow-host-filesystem"], "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "extraEnvFrom": [{"configMapRef": {"name": "environment"}}], "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/certs"}],
    "extraContainers": [{"name": "sidecar", "image": "sidecar:1", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
    "initContainers": [{"name": "first", "image": "first:1", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "of-{{ .Release.Name }}"}, "data": {"a": "b"}},
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: '{{ include \"levee.fullname\" . }}-text' }\n",
    ],
    "serviceAccount": {"name": "keeper", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}, "labels": {"a": "b"}},
    "rbac": {"secrets": {"names": ["lake-keys"], "namespaces": ["team-a"]}},
    "podLabels": {"a": "b"}, "podAnnotations": {"c": "d"}, "deploymentAnnotations": {"e": "f"}, "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "x", "operator": "Exists"}], "priorityClassName": "system-cluster-critical", "runtimeClassName": "gvisor",
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "arch", "operator": "In", "values": ["amd64"]}]}]}}},
    "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}],
    "dnsPolicy": "ClusterFirst", "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}, "strategy": {"type": "Recreate"},
    "resources": {"requests": {"cpu": 1, "memory": "1Gi"}}, "service": {"annotations": {"prometheus.io/scrape": "true"}, "labels": {"a": "b"}},
    "networkPolicy": {
        "enabled": True, "from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "egress": [{"ports": [{"port": 443, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}],
    },
    "argocd": {"healthChecks": True, "namespace": "argocd"}, "tests": {"timeout": "30s"},
}

# What is installed: name -> values and the kinds beside those of the defaults (a minus: without).
SPREAD = {
    "defaults": ({}, ""),
    "applied by the client": ({}, ""),
    "namespaced": ({"watchNamespaces": ["team-a", "levee-system"], "rbac": {"userRoles": False}, "crds": {"enabled": False}},
                   "-ClusterRole -ClusterRoleBinding -CustomResourceDefinition"),
    "three replicas": ({"replicas": 3, "leaderElection": {"leaseDuration": "30s", "renewDeadline": "20s", "retryPeriod": "4s"}}, "PodDisruptionBudget"),
    "one without election": ({"leaderElection": {"enabled": False}}, "-Role -RoleBinding"),
    "all monitoring": ({"metrics": ALL_MONITORING, "crds": {"enabled": False}}, "ServiceMonitor PrometheusRule ConfigMap -CustomResourceDefinition"),
    "pods monitored": ({"metrics": {"podMonitor": {"enabled": True, "namespace": "monitoring"}}, "service": {"enabled": False}}, "PodMonitor -Service"),
    "no metrics, few are let in": ({"metrics": {"enabled": False}, "networkPolicy": {"enabled": True}}, "NetworkPolicy"),
    "rights from elsewhere": ({"rbac": {"create": False, "userRoles": False}, "serviceAccount": {"create": False, "name": "own"}},
                              "-Role -RoleBinding -ClusterRole -ClusterRoleBinding -ServiceAccount"),
    "everything": ({**EVERYTHING, "replicas": 2, "podDisruptionBudget": {"minAvailable": "50%"}}, "NetworkPolicy ConfigMap PodDisruptionBudget"),
}
DEFAULT_KINDS = {
    "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Service", "Deployment", "CustomResourceDefinition",
}


def is_extra(each):
    """One of the values' own objects, which get no labels."""
    return each["metadata"]["name"] in ("of-levee", "lake-keeper-text")


def test_the_chart_is_linted(site):
    report = site.helm("default").lint(CHART)
    # 1 is information: a chart should have an icon.
    assert report["Errors"] is None and all(each["Severity"] <= 1 for each in report["Messages"]), report


def every_value_arrives(found):
    """What `everything` asks for stands in the manifest, word by word."""
    text = yaml.safe_dump_all(found)
    for word in ("registry.example:5000/levee:1.2.3@sha256:" + "a" * 64, "--worker-image=registry.example/worker:1", "--log-level=debug",
                 "--log-format=text", "--kube-api-qps=20", "--kube-api-burst=40", "--lend-identity", "--allow-host-filesystem", "http://proxy:3128",
                 "lake-keys", "eks.amazonaws.com/role-arn", "gvisor", "system-cluster-critical", "of-levee", "lake-keeper-text", "ndots"):
        assert word in text, word
    assert all(each["metadata"]["labels"]["team"] == "data" for each in found if not is_extra(each))
    roles = [each for each in by_kind(found, "Role") if each["metadata"]["name"].endswith("-secrets")]
    assert [each["metadata"]["namespace"] for each in roles] == ["team-a"]
    assert all("secrets" not in rule["resources"] for each in by_kind(found, "ClusterRole") for rule in each["rules"])


@pytest.mark.parametrize("name", SPREAD)
def test_installs_and_leaves_nothing_but_definitions(site, name):
    values, kinds = SPREAD[name]
    apply = "false" if name == "applied by the client" else "true"
    with install(site, values, server_side_apply=apply) as release:
        found = release.objects
        expected = (DEFAULT_KINDS | {kind for kind in kinds.split() if kind[0] != "-"}) - {kind[1:] for kind in kinds.split() if kind[0] == "-"}
        assert {each["kind"] for each in found} == expected
        tests = release.tests()
        assert len(tests) == (0 if name == "pods monitored" else 1)
        for each in found + tests:
            check(each)
            assert is_extra(each) or each["metadata"]["labels"]["app.kubernetes.io/part-of"] in ("levee", "argocd")
        for spec in pod_specs(found + tests):
            restricted(spec)
        if name == "everything":
            every_value_arrives(found)
        # They are on the server, as they were rendered.
        there = site.kubectl.json("get", "deployments,serviceaccounts,roles,rolebindings,services,configmaps", "-n", release.namespace)["items"]
        rendered = {(each["kind"], each["metadata"]["name"]) for each in found if each["metadata"].get("namespace") == release.namespace}
        assert rendered - {(each["kind"], each["metadata"]["name"]) for each in there} <= {
            each for each in rendered if each[0] in ("NetworkPolicy", "PodDisruptionBudget", "ServiceMonitor", "PrometheusRule", "PodMonitor")}
    left = site.kubectl.json(
        "get", "deployments,services,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,configmaps,networkpolicies,"
        "poddisruptionbudgets,servicemonitors,podmonitors,prometheusrules,secrets", "-A")["items"]
    assert [(each["kind"], each["metadata"]["name"]) for each in left if each["metadata"]["name"] != "default"] == []
    if "CustomResourceDefinition" in expected:
        assert len(definitions(site.kubectl)) == len(os.listdir(ROOT / "crds"))


def test_definitions_are_upgraded_and_kept(site, tmp_path):
    newer = tmp_path / "levee"
    shutil.copytree(CHART, newer)
    definition = newer / "files/crds/levee.dev_deltatables.yaml"
    text = definition.read_text()
    assert "additionalPrinterColumns:\n" in text
    definition.write_text(text.replace("additionalPrinterColumns:\n", "additionalPrinterColumns:\n        - { name: FRESH, type: string, jsonPath: .metadata.uid }\n", 1))
    (newer / "Chart.yaml").write_text(re.sub(r"(?m)^version: .*", "version: 0.2.0", (newer / "Chart.yaml").read_text()))
    with install(site, {}) as release:
        columns = lambda: [column["name"] for each in definitions(site.kubectl) if each["metadata"]["name"] == "deltatables.levee.dev"
                           for column in each["spec"]["versions"][0]["additionalPrinterColumns"]]
        assert "FRESH" not in columns()
        site.kubectl.apply(levee_object("DeltaTable", "orders", location="s3://lake/orders", storageRef={"name": "lake"}))
        release.helm.upgrade("levee", newer, {"replicas": 2})
        assert "FRESH" in columns()
        assert site.kubectl.json("get", "deployment", "levee", "-n", release.namespace)["spec"]["replicas"] == 2
    # Uninstalled: the definitions and what is of them stay, and a new release takes them over.
    assert site.kubectl.json("get", "deltatable", "orders")["spec"]["location"] == "s3://lake/orders"
    with install(site, {"crds": {"keep": False}}, take_ownership=False):
        assert "FRESH" not in columns()
    eventually(lambda: definitions(site.kubectl) == [], 20)


# Values that are refused: (values, what Helm says)
REFUSED = [
    ({"replica": 2}, "replica"),
    ({"replicas": "three"}, "got string, want integer"),
    ({"replicas": 3, "leaderElection": {"enabled": False}}, "several operators need leaderElection.enabled"),
    ({"leaderElection": {"enabled": False}, "strategy": {"type": "RollingUpdate"}}, "must be Recreate"),
    ({"leaderElection": {"leaseDuration": "fifteen"}}, "leaseDuration"),
    ({"image": {"digest": "sha256:abc"}}, "digest"),
    ({"image": {"repository": "levee:1.0"}}, "repository"),
    ({"image": {"pullPolicy": "Sometimes"}}, "'Always', 'IfNotPresent', 'Never'"),
    ({"log": {"level": "verbose"}}, "'debug', 'info', 'warning', 'error'"),
    ({"watchNamespaces": ["Team A"]}, "watchNamespaces"),
    ({"watchNamespaces": ["a"], "rbac": {"secrets": {"namespaces": ["b"]}}}, "b is not among watchNamespaces"),
    ({"metrics": {"port": 8081}}, "must differ"),
    ({"metrics": {"port": 70000}}, "maximum"),
    ({"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}}, "not both"),
    ({"metrics": {"serviceMonitor": {"enabled": True}}, "service": {"enabled": False}}, "scrapes through the Service"),
    ({"metrics": {"enabled": False, "podMonitor": {"enabled": True}}}, "need metrics.enabled"),
    ({"metrics": {"rules": {"healthScore": 101}}}, "healthScore"),
    ({"extraArgs": ["operator"]}, "extraArgs"),
    ({"resources": {"limit": {"memory": "1Gi"}}}, "limit"),
    ({"replicas": 2, "podDisruptionBudget": {"minAvailable": 2}}, "no node could ever be drained"),
]


@pytest.mark.parametrize("values, message", REFUSED, ids=[json.dumps(values)[:60] for values, _ in REFUSED])
def test_values_that_make_no_sense_are_refused(site, values, message):
    site.namespaces("levee-refused")
    with pytest.raises(HelmError) as refusal:
        site.helm("levee-refused").install("levee", CHART, values)
    assert message in str(refusal.value)


def test_every_value_has_a_schema():
    """Nothing stands in values.yaml that the schema does not know, nor the other way round."""
    schema = json.loads((CHART / "values.schema.json").read_text())

    def compare(values, schema, path):
        assert schema.get("additionalProperties") is False, path
        assert set(values) == set(schema["properties"]) - {"global"} or path.endswith(("Probe", "strategy", "resources")), path
        for name, value in values.items():
            inner = schema["properties"][name]
            if isinstance(value, dict) and "properties" in inner:
                compare(value, inner, f"{path}.{name}")

    compare(yaml.safe_load((CHART / "values.yaml").read_text()), schema, "values")


# What the operator may do

# Rights that it has and that these requests need not show: why it has them.
NOT_SEEN = {
    ("list", "", "events"): "asked for only about a Job that gets no pod: OperationReconciler shows what refuses it",
    ("get", "levee.dev", "tableoperations"): "a clone's run that its status names and the watch has not brought: CloneReconciler asks before it makes another",
    ("update", "levee.dev", "deltatables/finalizers"): "asked for by the admission plugin OwnerReferencesPermissionEnforcement, which levee dev has not",
    ("update", "levee.dev", "storageprofiles/finalizers"): "as above: probes' Jobs hold their profile's deletion up",
    ("update", "levee.dev", "tableclones/finalizers"): "as above: operations hold their clone's deletion up",
    ("update", "levee.dev", "tableoperations/finalizers"): "as above: Jobs hold their operation's deletion up",
}


def is_told_to_end(process):
    """Whether SIGTERM waits for a stopped process to go on."""
    with open(f"/proc/{process}/status") as file:
        return int(re.search(r"(?m)^ShdPnd:\s+(\w+)", file.read()).group(1), 16) >> (signal.SIGTERM - 1) & 1


@pytest.mark.parametrize("scope", ["cluster", "namespaced"])
def test_the_operator_gets_by_with_its_roles_and_needs_them_all(levee, site, tmp_path, scope):
    """The Deployment's own arguments, behind an API server that refuses what the chart's roles don't allow."""
    team = f"team-{scope}"
    # curl takes every name below localhost for this machine, so that the chart's Service has an address here.
    namespace = "localhost"
    site.namespaces(namespace, team)
    values = values_of(scope, team)
    site.kubectl("delete", "lease", "levee", "--namespace", namespace, "--ignore-not-found")
    with install(site, values, namespace=namespace) as release, OperatorOfChart(levee, site, release, tmp_path) as operator:
        kubectl = Kubectl(kubectls()[0], site.plane, team)
        lake = tmp_path / "lake"
        for table in ("orders", "slow"):
            small_files(lake / table)
        keys = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}}
        far = levee_object("StorageProfile", "far", s3={"endpoint": "http://127.0.0.1:9", "allowHTTP": True, "pathStyle": True, "region": "x"},
                           root="s3://far/", credentials={"secretRef": {"name": "keys"}})
        rules = policy(cooldown="1s", historyLimits={"succeeded": 1, "failed": 1}, optimize={"when": {"smallFiles": 2}})
        kubectl.apply({"apiVersion": "v1", "kind": "List", "items": [
            profile(lake), keys, far, delta_table("orders", lake / "orders"), delta_table("slow", lake / "slow", {"layer": "none"}), rules]})
        status = lambda kind, name: kubectl.json("get", kind, name).get("status", {})
        eventually(lambda: status("deltatable", "orders").get("table", {}).get("version") == 6)
        target = {"location": f"file://{lake}/copy", "storageRef": {"name": "lake"}, "createTable": True}
        kubectl.apply(levee_object("TableClone", "copy", source={"tableRef": {"name": "orders"}}, target=target, mode="Deep"))
        # A worker that stops before it begins: its log is followed, and it is cancelled.
        kubectl.apply(operation("stuck", "slow", optimize={}, jobTemplate=STOPPED_AT_WORK))
        worker = eventually(lambda: stopped_worker('"name":"stuck"'))
        eventually(lambda: operator.has_asked("get", "", "pods/log"))
        small_files(lake / "orders", files=3)
        kubectl("patch", "tableoperation", "stuck", "--type=merge", "-p", '{"spec":{"cancel":true}}')
        eventually(lambda: operator.has_asked("delete", "batch", "jobs") and is_told_to_end(worker))
        os.kill(worker, signal.SIGCONT)
        eventually(lambda: status("tableoperation", "stuck").get("phase") in ("Cancelled", "Succeeded"))
        # A table that is gone twice is one event, counted.
        for place, reason in (("away", "LocationNotFound"), ("slow", "Observed"), ("away", "LocationNotFound")):
            os.rename(lake / ("slow" if place == "away" else "away"), lake / place)
            eventually(lambda: reason in {each["reason"] for each in status("deltatable", "slow").get("conditions", []) if each["type"] == "Ready"})
        eventually(lambda: operator.has_asked("patch", "", "events"))
        # The second run of the policy clears the first one away.
        eventually(lambda: operator.has_asked("delete", "levee.dev", "tableoperations"))
        metrics = eventually(lambda: operator.page("/metrics") if "levee_store_requests_total" in operator.page("/metrics") else None)
        eventually(lambda: operator.has_asked("create", "levee.dev", "deltatables"))
        granted, used = operator.roles.granted(), operator.proxy.used
        assert operator.proxy.refused == set()
        assert used <= granted
        # Where the server sends lists as the beginnings of watches, none is asked for.
        streamed = {("list", *right[1:]) for right in used if right[0] == "watch"}
        assert granted - used - streamed <= set(NOT_SEEN), granted - used
        if scope == "namespaced":
            assert {where for where, _ in operator.roles.rules} == {namespace, team}
        # `helm test` runs its pod, which finds the operator through the Service's name.
        release.helm.test("levee")
    queries = [alert["expr"] for alert in the_alerts()]
    dashboard = json.loads((CHART / "files/dashboards/levee.json").read_text())
    queries += [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    served = set(re.findall(r"(?m)^# TYPE (\S+)", metrics))
    for query in queries:
        for name in set(re.findall(r"\b((?:levee|rest_client|workqueue|leader_election)_[a-z_]+)", query)):
            assert re.sub(r"_(bucket|sum|count)$", "", name) in served or name in served, f"{name} is not among the operator's metrics: {query}"


def test_ready_waits_and_gives_up(levee):
    assert "was not ready within 1 s" in levee.fails(3, "ready", "http://127.0.0.1:9/readyz", "--timeout", "1s")
    assert "is no URL" in levee.fails(2, "ready", "levee:8081")


# Alerts, dashboard, Argo CD


def the_alerts():
    return yaml.safe_load((CHART / "files/alerts.yaml").read_text())


_rendered = {}


@pytest.fixture
def watched(site):
    """What the chart has for Prometheus, Grafana and Argo CD: name of a ConfigMap, or kind -> the object."""
    if not _rendered:
        with install(site, {"crds": {"enabled": False}, "metrics": ALL_MONITORING, "argocd": {"healthChecks": True}}) as release:
            _rendered.update({each["metadata"]["name"] if each["kind"] == "ConfigMap" else each["kind"]: each for each in release.objects})
    return _rendered


def test_queries_are_promql(watched):
    parser = pytest.importorskip("promql_parser", reason="promql-parser could not be had from PyPI")
    rules = watched["PrometheusRule"]["spec"]["groups"][0]["rules"]
    dashboard = json.loads(watched["levee-dashboard"]["data"]["levee.json"])
    alerts = [each for each in rules if "alert" in each]
    assert {each["alert"] for each in the_alerts()} - {each["alert"] for each in alerts} == {"LeveeStoreThrottled"}
    for each in alerts:
        parser.parse(each["expr"])
        assert "$(" not in json.dumps(each) and each["labels"]["team"] == "data" and each["labels"]["severity"] in ("critical", "warning")
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            parser.parse(target["expr"].replace("$__rate_interval", "5m").replace("$namespace", ".*"))


def test_every_alert_has_a_section_of_its_own_in_the_runbook(watched):
    sections = re.findall(r"(?m)^## (Levee\w+)$", (ROOT / "docs/alerts.md").read_text())
    assert sections == [each["alert"] for each in the_alerts()]
    for each in watched["PrometheusRule"]["spec"]["groups"][0]["rules"]:
        if "alert" in each:
            assert set(each["annotations"]) == {"summary", "description", "runbook_url"}
            assert each["annotations"]["runbook_url"].endswith("/docs/alerts.md#" + each["alert"].lower())


def condition(type, status, reason="Because", message="why"):
    return {"type": type, "status": status, "reason": reason, "message": message}


# (kind, object without metadata, generation, health, part of the message)
HEALTH = [
    ("DeltaTable", {}, 1, "Progressing", "not looked at"),
    ("DeltaTable", {"status": {"observedGeneration": -1}}, 1, "Progressing", "not looked at"),
    ("DeltaTable", {"status": {"observedGeneration": 1, "conditions": [condition("Ready", "True")]}}, 2, "Progressing", "not looked at"),
    ("DeltaTable", {"status": {"observedGeneration": 1, "conditions": [condition("Ready", "True"), condition("Healthy", "False")]}}, 1, "Healthy", "why"),
    ("StorageProfile", {"status": {"observedGeneration": 1, "conditions": [condition("Ready", "False"), condition("Reconciling", "True")]}}, 1, "Progressing", "Because: why"),
    ("StorageProfile", {"status": {"observedGeneration": 1, "conditions": [condition("Ready", "False"), condition("Stalled", "True")]}}, 1, "Degraded", "Because: why"),
    ("MaintenancePolicy", {"status": {"observedGeneration": 1, "conditions": [condition("Ready", "False")]}}, 1, "Degraded", "Because"),
    ("TableClone", {"status": {"observedGeneration": 1, "conditions": [condition("Ready", "True")]}}, 1, "Healthy", "why"),
    ("MaintenancePolicy", {"spec": {"suspend": True}}, 1, "Suspended", "suspended"),
    ("TableOperation", {}, 1, "Progressing", "not looked at"),
    ("TableOperation", {"status": {"phase": "Pending", "message": "waits"}}, 1, "Progressing", "waits"),
    ("TableOperation", {"status": {"phase": "Pending"}, "spec": {"suspend": True}}, 1, "Suspended", "suspended"),
    ("TableOperation", {"status": {"phase": "Running", "message": "half"}}, 1, "Progressing", "half"),
    ("TableOperation", {"status": {"phase": "Succeeded", "message": "done"}}, 1, "Healthy", "done"),
    ("TableOperation", {"status": {"phase": "Failed", "message": "broke"}}, 1, "Degraded", "broke"),
    ("TableOperation", {"status": {"phase": "Cancelled", "message": "ended"}}, 1, "Suspended", "ended"),
]


def lua(value):
    """As a Lua expression."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{lua(key)}] = {lua(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(lua, value)) + "}"
    return json.dumps(value)


@pytest.mark.parametrize("kind, content, generation, health, message", HEALTH)
def test_argo_cd_reads_health(kind, content, generation, health, message):
    # Argo CD's interpreter speaks Lua 5.1.
    interpreter = shutil.which("lua5.1") or shutil.which("lua5.4")
    if interpreter is None:
        pytest.skip("no Lua: Debian's lua5.1 is not installed")
    check = yaml.safe_load((ROOT / "deploy/argocd/argocd-cm.yaml").read_text())["data"][f"resource.customizations.health.levee.dev_{kind}"]
    program = f"obj = {lua({'metadata': {'generation': generation}, **content})}\nlocal function check()\n{check}\nend\nlocal h = check()\nprint(h.status)\nprint(h.message)\n"
    done = subprocess.run([interpreter, "-"], input=program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    status, text = done.stdout.split("\n", 1)
    assert status == health and message in text


def test_argo_cds_checks_are_the_same_in_the_chart_and_patch_its_settings(site, watched):
    there = watched["levee-argocd-health"]["data"]
    site.kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"}, "data": {"url": "https://argocd"}}, "--namespace=argocd")
    site.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--patch", (ROOT / "deploy/argocd/argocd-cm.yaml").read_text())
    settings = site.kubectl.json("get", "configmap", "argocd-cm", "-n", "argocd")["data"]
    assert set(there) | {"url"} == set(settings)
    site.kubectl("delete", "configmap", "argocd-cm", "-n", "argocd")
    plain = yaml.safe_load((ROOT / "deploy/argocd/argocd-cm.yaml").read_text())["data"]
    assert {name: text.strip() for name, text in there.items()} == {name: text.strip() for name, text in plain.items()}
    assert {name.rsplit("_")[-1] for name in plain} == {yaml.safe_load(path.read_text())["spec"]["names"]["kind"] for path in (ROOT / "crds").glob("*.yaml")}


# Plain manifests


def test_plain_manifests_are_what_helm_makes_of_the_chart(site):
    script = runpy.run_path(str(ROOT / "scripts/generate-chart"))
    files = script["deployments"](lambda values: site.render(CHART, values))
    assert script["stale"](files, write=False) == [], "run `make generate-deploy`"


@pytest.mark.parametrize("directory", [".", "cluster", "namespaced", "monitoring", "crds"])
@pytest.mark.parametrize("path", kubectls())
def test_plain_manifests_are_built_by_kustomize(tmp_path, directory, path):
    deploy = tmp_path / "deploy"
    shutil.copytree(ROOT / "deploy", deploy)
    version = json.loads(subprocess.run([path, "version", "--client", "-o", "json"], capture_output=True, text=True).stdout)["clientVersion"]
    if int(version["minor"].rstrip("+")) < 21:
        # Its kustomize is of 2019 and has another word for directories.
        for file in deploy.rglob("kustomization.yaml"):
            content = yaml.safe_load(file.read_text())
            bases = [each for each in content["resources"] if not each.endswith(".yaml")]
            file.write_text(json.dumps({**content, "bases": bases, "resources": [each for each in content["resources"] if each not in bases]}))
    done = subprocess.run([path, "kustomize", str(deploy / directory)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = objects(done.stdout)
    assert found and "helm" not in done.stdout.lower()
    for each in found:
        check(each)
    if directory == "namespaced":
        assert not by_kind(found, "ClusterRole") and not by_kind(found, "ClusterRoleBinding")
    if directory in (".", "cluster", "namespaced"):
        assert account(found) == ("levee-system", "levee") and deployment(found)["metadata"]["namespace"] == "levee-system"
