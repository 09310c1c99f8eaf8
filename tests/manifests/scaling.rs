//! How many there are: between which bounds, moved by what, and by one alone.

use crate::chart::{Objects, Variant};
use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler};
use std::collections::BTreeMap;

type Bounds = BTreeMap<String, (u64, u64)>;

/// Fewest and most replicas of each agent.
pub(crate) fn bounds(objects: &Objects) -> Bounds {
    let of = |autoscaler: HorizontalPodAutoscaler| {
        let spec = autoscaler.spec.expect("a specification");
        let bounds = (spec.min_replicas.expect("a minimum"), spec.max_replicas);
        (spec.scale_target_ref.name, (u64::try_from(bounds.0).expect("some"), u64::try_from(bounds.1).expect("some")))
    };
    objects.all::<HorizontalPodAutoscaler>().into_iter().map(of).collect()
}

fn expected() -> Bounds {
    [("planner-agent", (2, 4)), ("architect-agent", (1, 3)), ("coder-agent", (1, 5)), ("tester-agent", (1, 3))]
        .map(|(name, bounds)| (name.to_owned(), bounds))
        .into()
}

#[test]
fn each_agent_grows_within_its_bounds_and_shrinks_slowly() {
    let objects = Objects::of(&Variant::K3S);
    assert_eq!(bounds(&objects), expected());
    for autoscaler in objects.all::<HorizontalPodAutoscaler>() {
        let behaviour = autoscaler.spec.and_then(|it| it.behavior).expect("behaviour");
        let (up, down) = (behaviour.scale_up.expect("up"), behaviour.scale_down.expect("down"));
        assert!(up.stabilization_window_seconds < down.stabilization_window_seconds);
        assert!(down.stabilization_window_seconds >= Some(300));
        assert!(down.policies.expect("policies").iter().all(|it| it.value == 1 && it.type_ == "Pods"));
    }
}

#[test]
fn keda_scales_on_work_for_each_slot() {
    let objects = Objects::of(&Variant::KEDA);
    let mut found = Bounds::new();
    for scaled in objects.named("ScaledObject") {
        let spec = &scaled["spec"];
        let target = spec["scaleTargetRef"]["name"].as_str().expect("a name").to_owned();
        let agent = target.trim_end_matches("-agent");
        found.insert(
            target.clone(),
            (spec["minReplicaCount"].as_u64().expect("a number"), spec["maxReplicaCount"].as_u64().expect("a number")),
        );
        let trigger = &spec["triggers"][0];
        assert_eq!((&trigger["type"], &trigger["metricType"]), (&"prometheus".into(), &"AverageValue".into()));
        let metadata = &trigger["metadata"];
        let query = format!(r#"sum(max by (state) (yonin_jobs{{agent="{agent}",state=~"queued|running"}}))"#);
        assert_eq!(metadata["query"].as_str(), Some(query.as_str()));
        let threshold: f64 = metadata["threshold"].as_str().expect("text").parse().expect("a number");
        let slots = if agent == "planner" { 16.0 } else { 4.0 };
        assert!((threshold - 0.8 * slots).abs() < 0.01, "{threshold}");
    }
    assert_eq!(found, expected());
}

#[test]
fn nothing_is_scaled_by_two() {
    for variant in Variant::ALL {
        let objects = Objects::of(&variant);
        let mut by = BTreeMap::<String, usize>::new();
        for (name, _) in bounds(&objects) {
            *by.entry(name).or_default() += 1;
        }
        for scaled in objects.named("ScaledObject") {
            *by.entry(scaled["spec"]["scaleTargetRef"]["name"].as_str().expect("a name").to_owned()).or_default() += 1;
        }
        for deployment in objects.all::<Deployment>() {
            let name = deployment.metadata.name.expect("a name");
            // Whoever scales says how many there are, and nobody else does.
            let said = usize::from(deployment.spec.and_then(|it| it.replicas).is_some());
            assert_eq!(by.remove(&name).unwrap_or_default() + said, 1, "{variant:?}: {name}");
        }
        assert!(by.is_empty(), "{variant:?}: nothing to scale: {by:?}");
    }
}
