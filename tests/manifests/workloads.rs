//! What runs: with which rights, within which limits, watched by which probes, under which names.

use crate::chart::{Objects, Variant, Workload};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Container, Namespace, ResourceQuota, Service},
        networking::v1::Ingress,
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::{api::resource::Quantity, util::intstr::IntOrString},
};
use std::collections::{BTreeMap, BTreeSet};

const AGENTS: [&str; 4] = ["planner-agent", "architect-agent", "coder-agent", "tester-agent"];
/// They give files to users, and start processes as users.
const ROOT: [(&str, &str); 2] = [("host", "host"), ("web", "php")];
const ROOTS_CAPABILITIES: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"];

fn every_container() -> Vec<(Workload, Container)> {
    let all = Variant::ALL.into_iter().flat_map(|variant| Objects::of(&variant).workloads());
    let all: Vec<_> = all
        .flat_map(|it| {
            let containers =
                it.pod.init_containers.clone().unwrap_or_default().into_iter().chain(it.pod.containers.clone());
            let of = |container| {
                let (kind, name, namespace) = (it.kind, it.name.clone(), it.namespace.clone());
                (Workload { kind, name, namespace, labels: it.labels.clone(), pod: it.pod.clone() }, container)
            };
            containers.map(of).collect::<Vec<_>>()
        })
        .collect();
    assert!(all.len() > 30);
    all
}

#[test]
fn every_container_has_no_more_rights_than_it_needs() {
    for (workload, container) in every_container() {
        let who = format!("{}/{}", workload.name, container.name);
        let (pod, its) =
            (workload.pod.security_context.unwrap_or_default(), container.security_context.expect("rights"));
        assert_eq!(its.allow_privilege_escalation, Some(false), "{who}");
        assert_eq!(its.read_only_root_filesystem, Some(true), "{who}");
        assert_ne!(its.privileged, Some(true), "{who}");
        let seccomp = its.seccomp_profile.or(pod.seccomp_profile).expect("a profile");
        assert_eq!(seccomp.type_, "RuntimeDefault", "{who}");
        let capabilities = its.capabilities.expect("capabilities");
        assert_eq!(capabilities.drop, Some(vec!["ALL".to_owned()]), "{who}");
        let is_root = ROOT.contains(&(workload.name.as_str(), container.name.as_str()));
        let expected = if is_root { ROOTS_CAPABILITIES.as_slice() } else { &[] };
        assert_eq!(capabilities.add.unwrap_or_default(), expected, "{who}");
        let (user, not_root) = (its.run_as_user.or(pod.run_as_user), its.run_as_non_root.or(pod.run_as_non_root));
        assert_eq!((user == Some(0), not_root == Some(true)), (is_root, !is_root), "{who}");
        assert_eq!(workload.pod.automount_service_account_token, Some(false), "{who}");
        assert!(workload.pod.service_account_name.is_some_and(|name| name != "default"), "{who}");
        for shared in [workload.pod.host_network, workload.pod.host_pid, workload.pod.host_ipc] {
            assert_ne!(shared, Some(true), "{who}");
        }
        assert!(workload.pod.volumes.iter().flatten().all(|volume| volume.host_path.is_none()), "{who}");
    }
}

#[test]
fn every_container_says_what_it_takes() {
    for (workload, container) in every_container() {
        let who = format!("{}/{}", workload.name, container.name);
        let resources = container.resources.expect("resources");
        let (requests, limits) = (resources.requests.expect("requests"), resources.limits.expect("limits"));
        for (what, amount) in [("cpu", milli as fn(&Quantity) -> u64), ("memory", bytes)] {
            assert!(amount(&requests[what]) > 0 && amount(&requests[what]) <= amount(&limits[what]), "{who}: {what}");
        }
    }
    for (name, expected) in
        [("coder-agent", ["500m", "512Mi", "1", "1Gi"]), ("tester-agent", ["250m", "256Mi", "500m", "512Mi"])]
    {
        let container = Objects::of(&Variant::K3S).workload(name).pod.containers.remove(0);
        let resources = container.resources.expect("resources");
        let (requests, limits) = (resources.requests.expect("requests"), resources.limits.expect("limits"));
        let found = [&requests["cpu"], &requests["memory"], &limits["cpu"], &limits["memory"]].map(|it| it.0.as_str());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_server_is_probed_and_none_dies_of_anothers_fault() {
    for (workload, container) in every_container() {
        let who = format!("{}/{}", workload.name, container.name);
        let probes = [container.startup_probe, container.liveness_probe, container.readiness_probe];
        if workload.kind == "Job" {
            continue;
        }
        let [Some(_), Some(alive), Some(ready)] = probes else { panic!("{who} is not probed") };
        let path = |probe: &k8s_openapi::api::core::v1::Probe| probe.http_get.as_ref().and_then(|get| get.path.clone());
        if AGENTS.contains(&workload.name.as_str()) || workload.name == "host" {
            // `/readyz` asks the store; `/healthz` asks nobody.
            assert_eq!(
                (path(&alive).as_deref(), path(&ready).as_deref()),
                (Some("/healthz"), Some("/readyz")),
                "{who}"
            );
        }
        let command = alive.exec.and_then(|exec| exec.command);
        assert!(command.is_none_or(|command| command == ["environment-host", "pools", "alive"]), "{who}");
    }
}

#[test]
fn agents_are_renewed_without_a_loss() {
    let objects = Objects::of(&Variant::K3S);
    for deployment in objects.all::<Deployment>() {
        let name = deployment.metadata.name.expect("a name");
        let spec = deployment.spec.expect("a specification");
        let strategy = spec.strategy.expect("a strategy");
        let pod = spec.template.spec.expect("a pod");
        if !AGENTS.contains(&name.as_str()) {
            // One alone has the volume, the sockets, or the order of writers.
            assert_eq!((strategy.type_.as_deref(), spec.replicas), (Some("Recreate"), Some(1)), "{name}");
            continue;
        }
        let rolling = strategy.rolling_update.expect("it is rolled");
        assert_eq!(
            (rolling.max_unavailable, rolling.max_surge),
            (Some(IntOrString::Int(0)), Some(IntOrString::Int(1)))
        );
        assert!(pod.topology_spread_constraints.is_some_and(|constraints| !constraints.is_empty()), "{name}");
        // Draining takes up to 60 s, after the pause in which others hear of it.
        let hook =
            pod.containers[0].lifecycle.clone().and_then(|it| it.pre_stop).and_then(|it| it.sleep).expect("a pause");
        let grace = pod.termination_grace_period_seconds.expect("a period");
        assert!(hook.seconds > 0 && grace >= 60 + hook.seconds, "{name}");
    }
    let budgets = objects.all::<PodDisruptionBudget>();
    for workload in objects.workloads().iter().filter(|it| it.kind != "Job" && it.namespace != "monitoring") {
        let mine = budgets.iter().filter(|budget| {
            let spec = budget.spec.as_ref().expect("a specification");
            let labels = spec.selector.as_ref().and_then(|it| it.match_labels.as_ref()).expect("labels");
            budget.metadata.namespace.as_ref() == Some(&workload.namespace)
                && labels.iter().all(|(name, value)| workload.labels.get(name) == Some(value))
        });
        let mine: Vec<_> = mine.collect();
        assert_eq!(mine.len(), 1, "{}", workload.name);
        // A node can always be drained, whatever the number of replicas.
        let most = mine[0].spec.as_ref().and_then(|it| it.max_unavailable.clone());
        assert_eq!(most, Some(IntOrString::Int(1)), "{}", workload.name);
    }
}

#[test]
fn namespaces_are_as_strict_as_can_be() {
    let namespaces = Objects::of(&Variant::K3S).all::<Namespace>();
    let enforced: BTreeMap<_, _> = namespaces
        .into_iter()
        .map(|it| {
            (
                it.metadata.name.expect("a name"),
                it.metadata.labels.expect("labels")["pod-security.kubernetes.io/enforce"].clone(),
            )
        })
        .collect();
    let expected = [("ai-agents", "restricted"), ("external-env", "baseline"), ("monitoring", "restricted")];
    assert_eq!(enforced, expected.map(|(name, level)| (name.to_owned(), level.to_owned())).into());
}

#[test]
fn everything_at_its_largest_fits_the_quotas() {
    let objects = Objects::of(&Variant::K3S);
    let replicas: BTreeMap<_, _> =
        crate::scaling::bounds(&objects).into_iter().map(|(name, (_, most))| (name, most)).collect();
    for quota in objects.all::<ResourceQuota>() {
        let namespace = quota.metadata.namespace.expect("a namespace");
        let hard = quota.spec.and_then(|it| it.hard).expect("limits");
        let (mut sums, mut pods) = ([0; 4], 0);
        for workload in objects.workloads().iter().filter(|it| it.namespace == namespace) {
            // One more while they are renewed.
            let count = replicas.get(&workload.name).map_or(1, |most| most + 1);
            pods += count;
            for container in &workload.pod.containers {
                let resources = container.resources.clone().unwrap_or_default();
                let (requests, limits) = (resources.requests.unwrap_or_default(), resources.limits.unwrap_or_default());
                for (sum, amount) in sums.iter_mut().zip([
                    milli(&requests["cpu"]),
                    bytes(&requests["memory"]),
                    milli(&limits["cpu"]),
                    bytes(&limits["memory"]),
                ]) {
                    *sum += amount * count;
                }
            }
        }
        let most = [
            milli(&hard["requests.cpu"]),
            bytes(&hard["requests.memory"]),
            milli(&hard["limits.cpu"]),
            bytes(&hard["limits.memory"]),
        ];
        assert!(sums.iter().zip(most).all(|(sum, most)| *sum <= most), "{namespace}: {sums:?} in {most:?}");
        assert!(pods <= milli(&hard["pods"]) / 1000, "{namespace}: {pods} pods");
    }
}

#[test]
fn connections_to_the_store_are_enough_for_everybody() {
    let objects = Objects::of(&Variant::K3S);
    let configs = objects.all::<ConfigMap>();
    let of = |agent: &str| {
        let config = configs.iter().find(|it| it.metadata.name.as_deref() == Some(agent)).expect("a configuration");
        config.data.as_ref().expect("variables")["YONIN_STORE_CONNECTIONS"].parse::<u64>().expect("a number")
    };
    let replicas = crate::scaling::bounds(&objects);
    let most: u64 = replicas.iter().map(|(agent, (_, most))| of(agent) * (most + 1)).sum();
    let server = objects.workload("store").pod.containers.remove(0);
    let given =
        server.args.expect("arguments").iter().find_map(|it| it.strip_prefix("--max-connections=")?.parse().ok());
    let given: u64 = given.expect("a number");
    assert!(most * 10 <= given * 7, "{most} of {given}");
}

#[test]
fn services_have_the_names_that_others_know() {
    let objects = Objects::of(&Variant::K3S);
    let services = objects.all::<Service>();
    let mut found = BTreeSet::new();
    for service in &services {
        let (name, namespace) =
            (service.metadata.name.clone().expect("a name"), service.metadata.namespace.clone().expect("a namespace"));
        let spec = service.spec.as_ref().expect("a specification");
        let selector = spec.selector.as_ref().expect("a selector");
        let port = &spec.ports.as_ref().expect("ports")[0];
        // Behind each is somebody who listens there.
        let target = objects.workloads().into_iter().find(|it| {
            it.namespace == namespace && selector.iter().all(|(name, value)| it.labels.get(name) == Some(value))
        });
        let target = target.unwrap_or_else(|| panic!("nobody is behind {name}"));
        let Some(IntOrString::String(port_name)) = &port.target_port else { panic!("{name}: ports have names") };
        let ports = target.pod.containers.iter().flat_map(|it| it.ports.iter().flatten());
        assert_eq!(ports.filter(|it| it.name.as_ref() == Some(port_name)).count(), 1, "{name}");
        if spec.cluster_ip.as_deref() == Some("None") {
            assert_eq!(spec.publish_not_ready_addresses, Some(true), "{name}");
            continue;
        }
        found.insert(format!("{name}.{namespace}:{}", port.port));
    }
    let expected = [
        "planner-agent.ai-agents:8080",
        "architect-agent.ai-agents:8080",
        "coder-agent.ai-agents:8080",
        "tester-agent.ai-agents:8080",
        "store.ai-agents:3306",
        "hints.ai-agents:6379",
        "host.external-env:8080",
        "web.external-env:80",
        "mysql.external-env:3306",
        "redis.external-env:6379",
        "prometheus.monitoring:9090",
        "alertmanager.monitoring:9093",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

/// The agents' own defaults are the names of the cluster; the chart says them again, and both must be the same.
#[test]
fn agents_are_told_where_their_peers_are() {
    let configs = Objects::of(&Variant::K3S).all::<ConfigMap>();
    let mut told = BTreeSet::new();
    for config in configs {
        let variables = config.data.unwrap_or_default().into_iter();
        told.extend(
            variables.filter(|(name, _)| name.ends_with("_URL") && name != "YONIN_PUBLIC_URL").map(|(_, url)| url),
        );
    }
    let expected = [
        architect::ArchitectConfig::CODER,
        coder::CoderConfig::HOST,
        tester::TesterConfig::HOST,
        "http://architect-agent.ai-agents.svc.cluster.local:8080",
        "http://tester-agent.ai-agents.svc.cluster.local:8080",
    ];
    assert_eq!(told, expected.map(str::to_owned).into());
}

#[test]
fn traces_go_out_where_a_collector_is_named_and_nowhere_else() {
    let sends = |map: &ConfigMap| {
        let variable = |name| map.data.as_ref().and_then(|data| data.get(name));
        let ratio = variable("OTEL_TRACES_SAMPLER_ARG");
        assert!(ratio.is_none_or(|ratio| ratio == "0.25"), "{ratio:?}");
        variable("OTEL_EXPORTER_OTLP_ENDPOINT").is_some()
    };
    let names = |variant| -> BTreeSet<String> {
        let maps = Objects::of(variant).all::<ConfigMap>().into_iter();
        maps.filter(sends).filter_map(|map| map.metadata.name).collect()
    };
    assert_eq!(names(&Variant::K3S), BTreeSet::new());
    let expected = AGENTS.into_iter().chain(["host"]).map(str::to_owned).collect();
    assert_eq!(names(&Variant::ELSEWHERE), expected);
}

#[test]
fn planner_apps_and_previews_are_reached_from_outside() {
    let mut hosts = BTreeMap::new();
    for ingress in Objects::of(&Variant::K3S).all::<Ingress>() {
        for rule in ingress.spec.and_then(|it| it.rules).expect("rules") {
            let backend = rule.http.expect("paths").paths.remove(0).backend.service.expect("a service");
            hosts.insert(rule.host.expect("a host"), backend.name);
        }
    }
    let expected = [("yonin.localhost", "planner-agent"), ("*.localhost", "web"), ("*.preview.localhost", "web")];
    assert_eq!(hosts, expected.map(|(host, service)| (host.to_owned(), service.to_owned())).into());
    let planner = Objects::of(&Variant::K3S)
        .all::<ConfigMap>()
        .into_iter()
        .find(|it| it.metadata.name.as_deref() == Some("planner-agent"));
    let data = planner.and_then(|it| it.data).expect("variables");
    assert!(data["YONIN_ALLOWED_HOSTS"].split(',').any(|name| name == "yonin.localhost"));
}

/// Thousandths.
pub(crate) fn milli(quantity: &Quantity) -> u64 {
    let text = quantity.0.as_str();
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text} is no whole number"));
    text.strip_suffix('m').map_or_else(|| 1000 * number(text), number)
}

fn bytes(quantity: &Quantity) -> u64 {
    let text = quantity.0.as_str();
    let at = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..at].parse().expect("a number");
    let unit = match &text[at..] {
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        other => panic!("{other}: which unit is that?"),
    };
    number * unit
}
