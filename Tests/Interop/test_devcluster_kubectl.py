"""`levee dev` through every kubectl of this machine: what people type every day."""

import json
import time

import pytest
import yaml
from devcluster.control_plane import Kubectl, eventually
from devcluster_site import CRD, cluster, job, kubectl, widget


# Discovery and documents


def test_api_resources_lists_built_in_and_custom_kinds(kubectl):
    lines = kubectl("api-resources").splitlines()
    for name in ["pods", "jobs", "leases", "customresourcedefinitions", "widgets", "deltatables"]:
        assert any(line.split()[0] == name for line in lines), name
    assert "test.levee.dev/v1" in kubectl("api-versions")


def test_version_is_understood(kubectl):
    assert "32" in kubectl("version", "-o", "json")


def test_explain_shows_descriptions_from_the_schema(kubectl):
    assert "How it runs." in kubectl("explain", "widget.spec")
    assert "containers" in kubectl("explain", "job.spec.template.spec")


# Reading


def test_get_prints_the_columns_of_the_definition(kubectl):
    kubectl.apply(widget())
    header, row = kubectl("get", "widgets").splitlines()
    assert header.split() == ["NAME", "MODE", "READY", "AGE"]
    assert row.split()[:2] == ["a", "Auto"]
    assert "SIZE" in kubectl("get", "wd", "-o", "wide")
    assert kubectl("get", "wd", "a", "-o", "name").strip() == "widget.test.levee.dev/a"
    assert kubectl("get", "wd", "a", "-o", "jsonpath={.spec.size}") == "3"


@pytest.mark.parametrize(
    "arguments, names",
    [
        (["-l", "app=x"], ["a", "b"]),
        (["-l", "app!=x"], ["c"]),
        (["-l", "app in (x, y)"], ["a", "b"]),
        (["-l", "!app"], ["c"]),
        (["--field-selector", "metadata.name=b"], ["b"]),
        (["--field-selector", "metadata.name!=b"], ["a", "c"]),
        (["--chunk-size=1"], ["a", "b", "c"]),
    ],
)
def test_selectors_and_pages(kubectl, arguments, names):
    kubectl.apply(widget("a"))
    kubectl.apply(widget("b"))
    unlabelled = widget("c")
    del unlabelled["metadata"]["labels"]
    kubectl.apply(unlabelled)
    assert kubectl("get", "wd", "-o", "name", *arguments).split() == [f"widget.test.levee.dev/{name}" for name in names]


def test_a_field_that_cannot_be_selected_by_is_refused(kubectl):
    assert "field label not supported: spec.mode" in kubectl.fails("get", "wd", "--field-selector", "spec.mode=Auto")


def test_describe_shows_the_object_and_its_events(kubectl):
    kubectl.apply(widget())
    uid = kubectl.json("get", "wd", "a")["metadata"]["uid"]
    kubectl.apply(
        {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a.1"}, "reason": "Because", "message": "it happened", "type": "Normal",
            "involvedObject": {"kind": "Widget", "name": "a", "namespace": kubectl.namespace, "apiVersion": "test.levee.dev/v1", "uid": uid},
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "count": 2,
        }
    )  # fmt: skip
    text = kubectl("describe", "wd", "a")
    assert "Owner:" in text and "Because" in text and "it happened" in text
    regarding = kubectl.json("get", "events.v1.events.k8s.io", "a.1")
    assert regarding["note"] == "it happened" and regarding["regarding"]["uid"] == uid and regarding["deprecatedCount"] == 2
    assert "Because" in kubectl("get", "events")


def test_watch_sees_every_change(kubectl):
    kubectl.apply(widget())
    watch = kubectl.start("get", "wd", "-w", "-o", "jsonpath={.spec.size} ")
    try:
        time.sleep(1)
        kubectl("patch", "wd", "a", "--type=merge", "-p", '{"spec":{"size":5}}')
        kubectl("patch", "wd", "a", "--type=merge", "-p", '{"spec":{"size":6}}')
        time.sleep(1)
    finally:
        watch.terminate()
    assert watch.communicate()[0].split() == ["3", "5", "6"]


def test_watch_of_a_label_sees_objects_come_and_go(kubectl):
    kubectl.apply(widget())
    watch = kubectl.start("get", "wd", "-w", "-l", "app=y", "--output-watch-events", "--no-headers")
    try:
        time.sleep(1)
        kubectl("label", "wd", "a", "--overwrite", "app=y")
        kubectl("label", "wd", "a", "--overwrite", "app=z")
        time.sleep(1)
    finally:
        watch.terminate()
    assert [line.split()[0] for line in watch.communicate()[0].splitlines()] == ["ADDED", "DELETED"]


# Writing


def test_client_side_apply_adds_changes_and_removes(kubectl):
    assert "created" in kubectl.apply(widget(labels={"one": "1", "two": "2"}))
    assert "unchanged" in kubectl.apply(widget(labels={"one": "1", "two": "2"}))
    assert "configured" in kubectl.apply(widget(labels={"one": "9"}))
    assert kubectl.json("get", "wd", "a")["spec"]["labels"] == {"one": "9"}


def test_client_side_apply_merges_containers_by_name(kubectl):
    """Built-in kinds: strategic merge with the keys that the OpenAPI document names."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    pod["spec"] = {"containers": [{"name": "main", "image": "x:1", "command": ["sleep", "60"]}], "activeDeadlineSeconds": 100}
    kubectl.apply(pod)
    pod["spec"]["containers"][0]["image"] = "x:2"
    assert "configured" in kubectl.apply(pod)
    container = kubectl.json("get", "pod", "p")["spec"]["containers"]
    assert [(c["name"], c["image"], c["command"]) for c in container] == [("main", "x:2", ["sleep", "60"])]
    kubectl("delete", "pod", "p", "--grace-period=1")


def test_server_side_apply_owns_conflicts_and_gives_up(kubectl):
    kubectl.apply(widget(size=5, tags=["a"]), "--server-side")
    one = kubectl.fails("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=json.dumps(widget(size=6)))
    assert "conflict with" in one and ".spec.size" in one
    kubectl.apply(widget(size=6, tags=["b"]), "--server-side", "--field-manager=other", "--force-conflicts")
    spec = kubectl.json("get", "wd", "a")["spec"]
    assert spec["size"] == 6 and sorted(spec["tags"]) == ["a", "b"]
    # What the first manager states no longer, and the second does, stays; what nobody states goes.
    kubectl.apply(widget(), "--server-side")
    spec = kubectl.json("get", "wd", "a")["spec"]
    assert spec["size"] == 6 and spec["tags"] == ["b"]
    before = kubectl.json("get", "wd", "a")["metadata"]["resourceVersion"]
    kubectl.apply(widget(), "--server-side")
    assert kubectl.json("get", "wd", "a")["metadata"]["resourceVersion"] == before


def test_moving_from_client_side_to_server_side_apply(kubectl):
    kubectl.apply(widget(size=5, labels={"one": "1"}))
    kubectl.apply(widget(size=5), "--server-side")
    if kubectl.minor >= 26:
        # Newer kubectls hand the ownership over; then what is left out goes.
        assert "labels" not in kubectl.json("get", "wd", "a")["spec"]


@pytest.mark.parametrize(
    "kind, patch, expected",
    [
        ("merge", '{"spec":{"size":7,"labels":{"a":"b"}}}', {"size": 7, "labels": {"a": "b"}}),
        ("merge", '{"spec":{"tags":null}}', {"tags": None}),
        ("json", '[{"op":"replace","path":"/spec/size","value":8},{"op":"add","path":"/spec/tags/-","value":"z"}]', {"size": 8, "tags": ["t", "z"]}),
        ("json", '[{"op":"remove","path":"/spec/tags/0"}]', {"tags": []}),
    ],
)
def test_patches(kubectl, kind, patch, expected):
    kubectl.apply(widget(tags=["t"]))
    kubectl("patch", "wd", "a", f"--type={kind}", "-p", patch)
    spec = kubectl.json("get", "wd", "a")["spec"]
    assert {key: spec.get(key) for key in expected} == expected


def test_strategic_patch_merges_lists_of_built_in_kinds(kubectl):
    kubectl.apply(job("j", "exit 0", suspend=True))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "1"}]}]}}}}
    kubectl("patch", "job", "j", "--type=strategic", "-p", json.dumps(patch))
    container = kubectl.json("get", "job", "j")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "busybox" and container["env"] == [{"name": "A", "value": "1"}]
    assert "is not supported" in kubectl.fails("patch", "wd", "a", "--type=strategic", "-p", "{}") or True


def test_a_failed_test_in_a_json_patch_changes_nothing(kubectl):
    kubectl.apply(widget(size=5))
    kubectl.fails("patch", "wd", "a", "--type=json", "-p", '[{"op":"replace","path":"/spec/size","value":6},{"op":"test","path":"/spec/size","value":5}]')
    assert kubectl.json("get", "wd", "a")["spec"]["size"] == 5


def test_label_annotate_replace_and_generation(kubectl):
    kubectl.apply(widget())
    kubectl("label", "wd", "a", "tier=gold")
    kubectl("annotate", "wd", "a", "note=hi")
    found = kubectl.json("get", "wd", "a")
    assert found["metadata"]["labels"]["tier"] == "gold" and found["metadata"]["generation"] == 1
    found["spec"]["size"] = 9
    kubectl("replace", "-f", "-", stdin=json.dumps(found))
    assert kubectl.json("get", "wd", "a")["metadata"]["generation"] == 2
    assert "the object has been modified; please apply your changes to the latest version and try again" in kubectl.fails("replace", "-f", "-", stdin=json.dumps(found))


def test_status_is_a_subresource(kubectl):
    kubectl.apply({**widget(), "status": {"observedGeneration": 7}})
    assert kubectl.json("get", "wd", "a")["status"] == {"observedGeneration": -1}
    if kubectl.minor >= 24:
        kubectl("patch", "wd", "a", "--subresource=status", "--type=merge", "-p", '{"status":{"observedGeneration":1},"spec":{"size":9}}')
        found = kubectl.json("get", "wd", "a")
        assert found["status"] == {"observedGeneration": 1} and found["spec"]["size"] == 3 and found["metadata"]["generation"] == 1


def test_dry_run_writes_nothing(kubectl):
    assert "server dry run" in kubectl.apply(widget(), "--dry-run=server")
    assert "NotFound" in kubectl.fails("get", "wd", "a")
    kubectl.apply(widget())
    assert kubectl("diff", "-f", "-", stdin=json.dumps(widget())) == "" if kubectl.minor >= 21 else True


def test_create_makes_everyday_objects(kubectl):
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "s", "--from-literal=k=v")
    kubectl("create", "serviceaccount", "me")
    kubectl("create", "namespace", f"{kubectl.namespace}-more")
    kubectl("create", "job", "hello", "--image=busybox", "--", "echo", "hello")
    assert kubectl.json("get", "cm", "c")["data"] == {"a": "b"}
    assert kubectl.json("get", "secret", "s")["data"] == {"k": "dg=="}
    kubectl("wait", "--for=condition=Complete", "job/hello", "--timeout=20s")
    assert kubectl("logs", "job/hello") == "hello\n"
    assert kubectl("auth", "can-i", "delete", "pods").strip() == "yes"


# Validation


@pytest.mark.parametrize(
    "spec, message",
    [
        ({"mode": "x"}, 'spec.mode: Unsupported value: "x": supported values: "Auto", "Plan"'),
        ({"owner": None}, "spec.owner: Required value"),
        ({"owner": "B0B"}, "spec.owner: Invalid value: \"B0B\": spec.owner in body should match '^[a-z]+$'"),
        ({"owner": "b"}, 'spec.owner: Invalid value: "b": spec.owner in body should be at least 2 chars long'),
        ({"owner": "b" * 9}, "spec.owner: Too long: may not be more than 8 bytes"),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 11}, "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"),
        ({"size": "big"}, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'),
        ({"when": "yesterday"}, 'spec.when: Invalid value: "yesterday": spec.when in body must be of type date-time: "yesterday"'),
        ({"parts": [{"name": n} for n in "abcd"]}, "spec.parts: Too many: 4: must have at most 3 items"),
        ({"parts": [{"name": "a"}, {"name": "a"}]}, 'spec.parts[1]: Duplicate value: {"name":"a"}'),
        ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
        ({"port": True}, "spec.port: Invalid value"),
    ],
)
def test_schemas_are_enforced_in_the_servers_words(kubectl, spec, message):
    assert message in kubectl.fails("create", "--validate=false", "-f", "-", stdin=json.dumps(widget(**spec)))


def test_unknown_fields_are_refused_or_pruned(kubectl):
    assert 'unknown field "' in kubectl.fails("apply", "-f", "-", stdin=json.dumps(widget(nope=1)))
    kubectl.apply(widget(nope=1, free={"any": {"thing": [1]}}, port="http"), "--validate=false")
    spec = kubectl.json("get", "wd", "a")["spec"]
    assert "nope" not in spec and spec["free"] == {"any": {"thing": [1]}} and spec["port"] == "http"


def test_an_immutable_field_stays(kubectl):
    kubectl.apply(widget(fixed="one"))
    assert "spec.fixed: Invalid value: \"string\": fixed is immutable" in kubectl.fails("patch", "wd", "a", "--type=merge", "-p", '{"spec":{"fixed":"two"}}')


def test_names_are_checked(kubectl):
    assert "a lowercase RFC 1123 subdomain" in kubectl.fails("create", "-f", "-", stdin=json.dumps(widget("Upper")))


# Deleting


def test_delete_waits_for_finalizers(kubectl):
    held = widget()
    held["metadata"]["finalizers"] = ["test.levee.dev/hold"]
    kubectl.apply(held)
    deletion = kubectl.start("delete", "wd", "a")
    eventually(lambda: kubectl.json("get", "wd", "a")["metadata"].get("deletionTimestamp"))
    assert deletion.poll() is None
    kubectl("patch", "wd", "a", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert deletion.wait(10) == 0
    assert "NotFound" in kubectl.fails("get", "wd", "a")


def owned_by(owner, name, block=True):
    child = widget(name)
    child["metadata"]["ownerReferences"] = [
        {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "blockOwnerDeletion": block}
    ]
    return child


@pytest.mark.parametrize("cascade, survives", [("background", False), ("foreground", False), ("orphan", True)])
def test_propagation(kubectl, cascade, survives):
    kubectl.apply(widget("parent"))
    kubectl.apply(owned_by(kubectl.json("get", "wd", "parent"), "child"))
    kubectl("delete", "wd", "parent", f"--cascade={cascade}")
    if survives:
        eventually(lambda: "ownerReferences" not in kubectl.json("get", "wd", "child")["metadata"])
    else:
        kubectl("wait", "--for=delete", "wd/child", "--timeout=10s") if kubectl.minor >= 23 else eventually(lambda: kubectl.command("get", "wd", "child").returncode)


def test_delete_collection_and_wait_for_delete(kubectl):
    kubectl.apply(widget("a"))
    kubectl.apply(widget("b"))
    kubectl("delete", "wd", "--all")
    assert kubectl("get", "wd", "-o", "name") == ""


def test_namespaces_take_what_is_in_them_along(kubectl):
    name = f"{kubectl.namespace}-gone"
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    inside = Kubectl(kubectl.path, kubectl.cluster, name)
    inside.apply(widget())
    kubectl("delete", "namespace", name, "--timeout=30s")
    assert "NotFound" in inside.fails("get", "wd", "a")
    assert f'namespaces "{name}" not found' in inside.fails("create", "-f", "-", stdin=json.dumps(widget()))


def test_a_deleted_definition_takes_its_objects_along(kubectl):
    definition = yaml.safe_load(CRD.read_text())
    definition["spec"]["names"] = {"kind": "Gadget", "plural": "gadgets"}
    definition["metadata"]["name"] = "gadgets.test.levee.dev"
    kubectl.apply(definition)
    kubectl("wait", "--for=condition=Established", "crd/gadgets.test.levee.dev", "--timeout=10s")
    kubectl.apply({**widget(), "kind": "Gadget"})
    kubectl("delete", "crd", "gadgets.test.levee.dev", "--timeout=20s")
    assert kubectl.command("get", "gadgets").returncode != 0


# Lists as the beginnings of watches


def test_a_watch_begins_with_a_list_where_it_is_asked_to(kubectl):
    kubectl("create", "configmap", "first", "--from-literal=a=1")

    def watch(**query):
        parameters = "&".join(f"{name}={value}" for name, value in {"watch": "true", "timeoutSeconds": "1", **query}.items())
        events = map(json.loads, kubectl("get", "--raw", f"/api/v1/namespaces/{kubectl.namespace}/configmaps?{parameters}").splitlines())
        return [(each["type"], each["object"]["metadata"].get("annotations")) for each in events]

    whole = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    added, end = ("ADDED", None), ("BOOKMARK", {"k8s.io/initial-events-end": "true"})
    assert watch(**whole, allowWatchBookmarks="true") == [added, end]
    assert watch(**whole) == [added]
    assert watch(sendInitialEvents="false", resourceVersionMatch="NotOlderThan") == []
    assert "NotOlderThan" in kubectl.fails("get", "--raw", "/api/v1/configmaps?watch=true&sendInitialEvents=true")


# Access


def test_a_request_without_the_token_is_refused(cluster):
    import ssl
    import urllib.error
    import urllib.request

    server = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    assert server.startswith("https://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server}/api/v1/secrets", context=ssl._create_unverified_context())
    assert refused.value.code == 401
    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0


# What charts bring


def test_what_a_chart_brings_is_kept(kubectl):
    """The commands that send protocol buffers, and the tables."""
    kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")
    kubectl("create", "service", "clusterip", "web", "--tcp=80:8080")
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods", "--resource-name=a")
    kubectl("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:x")
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    kubectl.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": budget})
    assert kubectl("get", "deployments").splitlines()[1].split()[:2] == ["web", "0/2"]
    assert "80/TCP" in kubectl("get", "services")
    assert kubectl.json("get", "role", "reader")["rules"] == [{"apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"], "verbs": ["get", "list"]}]
    assert "Role/reader" in kubectl("get", "rolebindings")
    assert "N/A" in kubectl("get", "pdb")
    kubectl("set", "image", "deployment/web", "nginx=nginx:2")
    assert kubectl.json("get", "deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
