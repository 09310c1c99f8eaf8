//! Who may speak with whom: computed from the policies as a network plugin would, and compared with the design.

use crate::chart::{Objects, Variant};
use k8s_openapi::{
    api::{
        core::v1::Namespace,
        networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort},
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;
type Arrow = (String, String, i32);

/// Ports that anything here listens on, and some that nothing does.
const PORTS: [i32; 11] = [22, 53, 80, 443, 3306, 4318, 6379, 8080, 8443, 9090, 9093];

/// Who may begin to speak with whom, and on which port of theirs.
const ARROWS: &[(&str, &[&str], i32)] = &[
    // Jobs, and hints about them.
    ("planner-agent", &["store"], 3306),
    ("architect-agent", &["store"], 3306),
    ("coder-agent", &["store"], 3306),
    ("tester-agent", &["store"], 3306),
    ("store-migrate", &["store"], 3306),
    ("planner-agent", &["hints"], 6379),
    ("architect-agent", &["hints"], 6379),
    ("coder-agent", &["hints"], 6379),
    ("tester-agent", &["hints"], 6379),
    // The path of a task. The Architect looks at apps through the Coder.
    ("planner-agent", &["architect-agent", "coder-agent", "tester-agent"], 8080),
    ("architect-agent", &["coder-agent"], 8080),
    ("coder-agent", &["host", "web"], 8080),
    ("tester-agent", &["host", "web"], 8080),
    // With the accounts of one preview, or a reading one. The Coder has no use for Redis.
    ("coder-agent", &["mysql"], 3306),
    ("tester-agent", &["mysql"], 3306),
    ("tester-agent", &["redis"], 6379),
    // The host reaches Nginx and PHP over their shared files alone.
    ("host", &["mysql"], 3306),
    ("host", &["redis"], 6379),
    ("web", &["mysql"], 3306),
    ("web", &["redis"], 6379),
    // From outside.
    ("traefik", &["planner-agent", "web"], 8080),
    // What watches.
    ("prometheus", &["planner-agent", "architect-agent", "coder-agent", "tester-agent", "host"], 8080),
    ("prometheus", &["alertmanager"], 9093),
];

#[test]
fn those_speak_with_each_other_who_must_and_no_others() {
    let objects = Objects::of(&Variant::K3S);
    assert_eq!(Network::of(&objects).arrows(), expected(|_| true, &[]));
}

#[test]
fn keda_asks_prometheus() {
    let objects = Objects::of(&Variant::KEDA);
    assert_eq!(Network::of(&objects).arrows(), expected(|_| true, &[("keda", "prometheus", 9090)]));
}

#[test]
fn nobody_watches_where_nothing_is_watched() {
    let inside = |arrow: &Arrow| !["traefik", "prometheus"].contains(&arrow.0.as_str());
    let objects = Objects::of(&Variant::BARE);
    assert_eq!(Network::of(&objects).arrows(), expected(inside, &[]));
}

#[test]
fn servers_elsewhere_and_models_are_addresses_and_a_collector_that_is_named_takes_traces() {
    let network = Network::of(&Objects::of(&Variant::ELSEWHERE));
    let gone = ["store", "hints", "mysql", "redis", "alertmanager"];
    let traces = ["planner-agent", "architect-agent", "coder-agent", "tester-agent", "host"];
    let traces = traces.map(|from| (from, "collector", 4318));
    let arrows = expected(|arrow| !gone.contains(&arrow.1.as_str()), &traces);
    assert_eq!(network.arrows(), arrows);
    let (store, hints, mysql, redis) = ("10.9.0.1/32", "10.9.0.2/32", "10.9.0.3/32", "10.9.0.4/32");
    let world = "0.0.0.0/0 but 10.0.0.0/8";
    let of_agents = |agent: &'static str| {
        [(agent, store, 3306), (agent, hints, 6379), (agent, world, 443)]
            .map(|(a, b, port)| (a.to_owned(), b.to_owned(), port))
    };
    let mut addresses: BTreeSet<Arrow> =
        ["planner-agent", "architect-agent", "coder-agent", "tester-agent"].into_iter().flat_map(of_agents).collect();
    for (from, to, port) in [
        ("store-migrate", store, 3306),
        ("coder-agent", mysql, 3306),
        ("tester-agent", mysql, 3306),
        ("tester-agent", redis, 6379),
        ("host", mysql, 3306),
        ("host", redis, 6379),
        ("web", mysql, 3306),
        ("web", redis, 6379),
    ] {
        addresses.insert((from.to_owned(), to.to_owned(), port));
    }
    assert_eq!(network.addresses(), addresses);
}

#[test]
fn nothing_reaches_the_world_unless_it_is_told_to() {
    for variant in [Variant::K3S, Variant::KEDA, Variant::BARE] {
        assert_eq!(Network::of(&Objects::of(&variant)).addresses(), BTreeSet::new(), "{variant:?}");
    }
}

fn expected(wanted: impl Fn(&Arrow) -> bool, more: &[(&str, &str, i32)]) -> BTreeSet<Arrow> {
    let all = ARROWS.iter().flat_map(|(from, to, port)| to.iter().map(|to| (*from, *to, *port)));
    let all = all.chain(more.iter().copied()).map(|(from, to, port)| (from.to_owned(), to.to_owned(), port));
    all.filter(wanted).collect()
}

/// Somebody with an address.
struct Pod {
    /// What it is: its own name without what is made up.
    name: String,
    namespace: String,
    labels: Labels,
    /// One of the chart's.
    ours: bool,
}

struct Network {
    pods: Vec<Pod>,
    namespaces: BTreeMap<String, Labels>,
    policies: Vec<NetworkPolicy>,
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Ingress,
    Egress,
}

impl Network {
    fn of(objects: &Objects) -> Self {
        let mut pods: Vec<Pod> = objects
            .workloads()
            .into_iter()
            .map(|it| Pod {
                name: it.labels["app.kubernetes.io/name"].clone(),
                namespace: it.namespace,
                labels: it.labels,
                ours: true,
            })
            .collect();
        let name = |name: &str| Labels::from([("app.kubernetes.io/name".to_owned(), name.to_owned())]);
        let other = |name: &str, namespace: &str, labels: Labels| Pod {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            labels,
            ours: false,
        };
        pods.push(other("traefik", "kube-system", name("traefik")));
        pods.push(other("dns", "kube-system", [("k8s-app".to_owned(), "kube-dns".to_owned())].into()));
        pods.push(other("keda", "keda", name("keda-operator")));
        pods.push(other("collector", "observability", name("opentelemetry-collector")));
        pods.push(other("stranger", "kube-system", name("stranger")));
        pods.push(other("impostor", "default", name("planner-agent")));
        for namespace in ["ai-agents", "external-env", "monitoring"] {
            pods.push(other("stranger", namespace, name("stranger")));
        }
        if objects.workloads().iter().all(|it| it.name != "prometheus") {
            pods.push(other("prometheus", "monitoring", name("prometheus")));
        }
        let mut namespaces: BTreeMap<String, Labels> =
            pods.iter().map(|pod| (pod.namespace.clone(), Labels::new())).collect();
        for namespace in objects.all::<Namespace>() {
            namespaces.insert(namespace.metadata.name.expect("a name"), namespace.metadata.labels.unwrap_or_default());
        }
        for (name, labels) in &mut namespaces {
            labels.insert("kubernetes.io/metadata.name".to_owned(), name.clone());
        }
        Self { pods, namespaces, policies: objects.all() }
    }

    /// Every connection that may be made and has one of ours at an end. Names are asked for by everybody, and tested here.
    fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for from in &self.pods {
            for to in self.pods.iter().filter(|to| (from.ours || to.ours) && !std::ptr::eq(from, *to)) {
                for port in PORTS {
                    if self.may(from, to, port, "TCP") {
                        arrows.insert((from.name.clone(), to.name.clone(), port));
                    }
                }
            }
            let dns = self.pods.iter().find(|pod| pod.name == "dns").expect("there is one");
            for protocol in ["TCP", "UDP"] {
                assert!(!from.ours || self.may(from, dns, 53, protocol), "{} can't ask for names", from.name);
            }
            arrows.remove(&(from.name.clone(), "dns".to_owned(), 53));
        }
        arrows
    }

    fn may(&self, from: &Pod, to: &Pod, port: i32, protocol: &str) -> bool {
        self.lets(from, to, Direction::Egress, port, protocol)
            && self.lets(to, from, Direction::Ingress, port, protocol)
    }

    /// Whether the policies of one end let the other through; where there are none, everybody is.
    fn lets(&self, pod: &Pod, other: &Pod, direction: Direction, port: i32, protocol: &str) -> bool {
        let rules = self.rules(pod, direction);
        rules.is_none_or(|rules| {
            rules.iter().any(|(peers, ports)| {
                (ports.is_empty() || ports.iter().any(|it| is_port(it, port, protocol)))
                    && (peers.is_empty() || peers.iter().any(|peer| self.is_peer(peer, &pod.namespace, other)))
            })
        })
    }

    /// Peers and ports of every rule for this pod; `None` when no policy is about it.
    fn rules(&self, pod: &Pod, direction: Direction) -> Option<Vec<(Vec<NetworkPolicyPeer>, Vec<NetworkPolicyPort>)>> {
        let name = if direction == Direction::Ingress { "Ingress" } else { "Egress" };
        let mut rules = None;
        for policy in self.policies.iter().filter(|it| it.metadata.namespace.as_ref() == Some(&pod.namespace)) {
            let spec = policy.spec.as_ref().expect("a specification");
            let types = spec.policy_types.as_ref().expect("every policy says what it is about");
            let selector = spec.pod_selector.as_ref().expect("every policy says whom it is about");
            if !types.iter().any(|it| it == name) || !selects(selector, &pod.labels) {
                continue;
            }
            let rules: &mut Vec<_> = rules.get_or_insert_default();
            match direction {
                Direction::Ingress => rules.extend(
                    spec.ingress
                        .iter()
                        .flatten()
                        .map(|it| (it.from.clone().unwrap_or_default(), it.ports.clone().unwrap_or_default())),
                ),
                Direction::Egress => rules.extend(
                    spec.egress
                        .iter()
                        .flatten()
                        .map(|it| (it.to.clone().unwrap_or_default(), it.ports.clone().unwrap_or_default())),
                ),
            }
        }
        rules
    }

    fn is_peer(&self, peer: &NetworkPolicyPeer, namespace: &str, pod: &Pod) -> bool {
        if peer.ip_block.is_some() {
            return false;
        }
        let in_namespace = peer
            .namespace_selector
            .as_ref()
            .map_or(pod.namespace == namespace, |selector| selects(selector, &self.namespaces[&pod.namespace]));
        in_namespace && peer.pod_selector.as_ref().is_none_or(|selector| selects(selector, &pod.labels))
    }

    /// Addresses outside that ours may call. Nobody outside is let in by address.
    fn addresses(&self) -> BTreeSet<Arrow> {
        let mut addresses = BTreeSet::new();
        for pod in self.pods.iter().filter(|pod| pod.ours) {
            let blocks = |direction| self.rules(pod, direction).expect("every pod of ours has policies").into_iter();
            let incoming = blocks(Direction::Ingress).flat_map(|(peers, _)| peers).any(|peer| peer.ip_block.is_some());
            assert!(!incoming, "{} is called from addresses", pod.name);
            for (peers, ports) in blocks(Direction::Egress) {
                for block in peers.into_iter().filter_map(|peer| peer.ip_block) {
                    let except = block.except.map(|except| format!(" but {}", except.join(", "))).unwrap_or_default();
                    assert!(!ports.is_empty(), "{} may use every port", pod.name);
                    for port in &ports {
                        let Some(IntOrString::Int(port)) = port.port else { panic!("ports are numbers") };
                        addresses.insert((pod.name.clone(), format!("{}{except}", block.cidr), port));
                    }
                }
            }
        }
        addresses
    }
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    assert!(selector.match_expressions.is_none(), "selectors are labels here");
    selector.match_labels.iter().flatten().all(|(name, value)| labels.get(name) == Some(value))
}

fn is_port(port: &NetworkPolicyPort, number: i32, protocol: &str) -> bool {
    assert!(port.end_port.is_none(), "ports are single here");
    port.port == Some(IntOrString::Int(number)) && port.protocol.as_deref().unwrap_or("TCP") == protocol
}
