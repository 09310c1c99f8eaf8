//! The chart, rendered.

use crate::tools::succeed;
use k8s_openapi::{
    Resource,
    api::{
        apps::v1::{Deployment, StatefulSet},
        batch::v1::Job,
        core::v1::{PodSpec, PodTemplateSpec},
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

const CHART: &str = "k8s/chart";

/// Values that somebody may choose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variant(&'static [&'static str]);

impl Variant {
    /// The chart's own: k3s on one machine.
    pub(crate) const K3S: Self = Self(&[]);
    /// KEDA scales.
    pub(crate) const KEDA: Self = Self(&["autoscaling.mode=keda"]);
    /// Every server is elsewhere, a model thinks, an operator watches, a collector takes traces, and everything has a name.
    pub(crate) const ELSEWHERE: Self = Self(&[
        "store.external.enabled=true,store.external.cidr=10.9.0.1/32",
        "hints.external.enabled=true,hints.external.cidr=10.9.0.2/32",
        "environment.mysql.external.enabled=true,environment.mysql.external.cidr=10.9.0.3/32",
        "environment.redis.external.enabled=true,environment.redis.external.cidr=10.9.0.4/32",
        "environment.files.accessMode=ReadWriteMany,environment.files.className=shared,environment.port=8443",
        "models.choice=openai:gpt-5,models.keys={openai-api-key}",
        "models.egress[0].cidr=0.0.0.0/0,models.egress[0].except={10.0.0.0/8},models.egress[0].ports={443}",
        "monitoring.operator=true,ingress.tls.planner=planner-tls,ingress.tls.apps=apps-tls,images.pullSecrets={registry}",
        "agents.coder.env.YONIN_LOG=debug",
        "telemetry.otlp.endpoint=http://otel-collector.observability.svc.cluster.local:4318,telemetry.otlp.percent=25",
    ]);
    /// As little as can be.
    pub(crate) const BARE: Self =
        Self(&["monitoring.enabled=false,ingress.enabled=false,autoscaling.mode=none,environment.domain=apps.example"]);

    pub(crate) const ALL: [Self; 4] = [Self::K3S, Self::KEDA, Self::ELSEWHERE, Self::BARE];

    fn arguments(self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flat_map(|values| ["--set", *values])
    }
}

/// The manifests, as YAML.
pub(crate) fn render(variant: &Variant) -> String {
    let arguments: Vec<_> = ["template", "yonin", CHART].into_iter().chain(variant.arguments()).collect();
    succeed("helm", &arguments, "")
}

/// What a variant is made of.
pub(crate) struct Objects(Vec<Value>);

impl Objects {
    pub(crate) fn of(variant: &Variant) -> Self {
        Self(documents(&render(variant)))
    }

    pub(crate) fn each(&self) -> &[Value] {
        &self.0
    }

    /// All of one kind.
    pub(crate) fn all<T: Resource + DeserializeOwned>(&self) -> Vec<T> {
        let ours = |object: &&Value| object["apiVersion"] == T::API_VERSION && object["kind"] == T::KIND;
        let read =
            |object: &Value| serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
        self.0.iter().filter(ours).map(read).collect()
    }

    /// All of a kind that Kubernetes itself does not know.
    pub(crate) fn named(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// What runs.
    pub(crate) fn workloads(&self) -> Vec<Workload> {
        let deployments = self.all::<Deployment>().into_iter().map(|it| {
            let spec = it.spec.expect("a specification");
            Workload::new("Deployment", it.metadata, spec.template)
        });
        let sets = self.all::<StatefulSet>().into_iter().map(|it| {
            let spec = it.spec.expect("a specification");
            Workload::new("StatefulSet", it.metadata, spec.template)
        });
        let jobs = self.all::<Job>().into_iter().map(|it| {
            let spec = it.spec.expect("a specification");
            Workload::new("Job", it.metadata, spec.template)
        });
        deployments.chain(sets).chain(jobs).collect()
    }

    /// The one of this name, whatever it is.
    pub(crate) fn workload(&self, name: &str) -> Workload {
        self.workloads().into_iter().find(|it| it.name == name).unwrap_or_else(|| panic!("there is no {name}"))
    }
}

/// Pods, and what makes them.
pub(crate) struct Workload {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) pod: PodSpec,
}

impl Workload {
    fn new(
        kind: &'static str,
        meta: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
        template: PodTemplateSpec,
    ) -> Self {
        Self {
            kind,
            name: meta.name.expect("a name"),
            namespace: meta.namespace.expect("a namespace"),
            labels: template.metadata.and_then(|meta| meta.labels).expect("labels"),
            pod: template.spec.expect("a pod"),
        }
    }
}

/// The documents of a YAML file.
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    const PROGRAM: &str = "import json, sys, yaml\n\
                           json.dump([it for it in yaml.safe_load_all(sys.stdin) if it], sys.stdout)";
    serde_json::from_str(&succeed("python", &["-c", PROGRAM], yaml)).expect("JSON")
}

#[test]
fn the_chart_has_no_faults() {
    for variant in Variant::ALL {
        let arguments: Vec<_> = ["lint", "--strict", CHART].into_iter().chain(variant.arguments()).collect();
        succeed("helm", &arguments, "");
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for (values, why) in [
        ("agents.codr.min=2", "codr"),
        ("agents.coder.min=0", "/agents/coder/min"),
        ("autoscaling.mode=both", "/autoscaling/mode"),
        ("store.external.enabled=true", "/store/external/cidr"),
        ("models.choice=openai:gpt-5", "/models/egress"),
        ("agents.coder.env.OPENAI_API_KEY=x", "OPENAI_API_KEY"),
        ("environment.domain=a b", "/environment/domain"),
        ("telemetry.otlp.endpoint=http://name:word@collector:4318", "/telemetry/otlp/endpoint"),
    ] {
        let output = crate::tools::run("helm", &["template", "yonin", CHART, "--set", values], "");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{values}: {said}");
    }
}
