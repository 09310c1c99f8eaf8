//! Several processes of each agent answer as one.

use chrono::Utc;
use futures::future::join_all;
use protocol::{
    Code, TaskId,
    event::{Event, What},
    rest::SubmitTask,
    task::{Approval, Budget, Stage, Status, Task},
};
use std::{collections::BTreeSet, time::Duration};
use tests::{
    Cluster,
    cluster::{Role, Setup, Stores},
    commits::Commits,
};
use tokio::time::{Instant, sleep, timeout};
use yonin::Failure;

/// Whatever is asked to stop has stopped by then.
const STOPS: Duration = Duration::from_secs(15);

fn redis() -> String {
    std::env::var("YONIN_TEST_REDIS").expect("the test run starts a Redis: ./dev databases")
}

fn goal(cluster: &Cluster) -> SubmitTask {
    SubmitTask {
        goal: "posts(title:string!)".to_owned(),
        app: cluster.fresh_app(),
        approval: Approval::Auto,
        budget: Budget::default(),
        labels: [].into(),
    }
}

#[tokio::test]
async fn fifty_submits_at_once_to_different_processes_are_one_task() {
    let mut cluster = Setup::new().stores(Stores::mariadb()).replicas(Role::Planner, 3).start().await;
    let (submit, key) = (goal(&cluster), TaskId::fresh().to_string());
    let clients: Vec<_> = (0..3).map(|index| cluster.replica(Role::Planner, index).origin()).collect();
    let clients: Vec<_> = clients.iter().map(|origin| cluster.client_of(origin)).collect();
    let answers = join_all((0..50).map(|number| clients[number % 3].submit(&submit, &key))).await;
    let ids: BTreeSet<TaskId> = answers.into_iter().map(|answer| answer.expect("accepted").id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let ended = cluster.finished(*ids.first().expect("one")).await;
    assert_eq!(ended.status, Status::Succeeded, "{ended:#?}");
    assert_eq!(cluster.rows("select count(*) from jobs where agent = 'planner'"), ["1"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_whose_commit_is_never_answered_is_one_task() {
    let Stores::Server(server) = Stores::mariadb() else { panic!("a server") };
    let commits = Commits::before(server.rsplit('@').next().expect("an address").parse().expect("an address")).await;
    let stores = Stores::Server(format!("mysql://root@{}", commits.address()));
    let cluster = Setup::new().stores(stores).start().await;
    // With a key and without one.
    let (submit, key) = (goal(&cluster), TaskId::fresh().to_string());
    commits.lose_next();
    let first = cluster.client.submit(&submit, &key).await.expect("accepted");
    assert_eq!(commits.lost(), 1);
    assert_eq!(cluster.finished(first.id).await.status, Status::Succeeded);
    assert_eq!(cluster.client.submit(&submit, &key).await.expect("accepted").id, first.id);
    let unkeyed = goal(&cluster);
    commits.lose_next();
    let answer = cluster.api(reqwest::Method::POST, "/v1/tasks").json(&unkeyed).send().await.expect("an answer");
    let second: Task = answer.json().await.expect("a task");
    assert_eq!(commits.lost(), 2);
    assert_eq!(cluster.finished(second.id).await.status, Status::Succeeded);
    assert_eq!(cluster.rows("select count(*) from jobs where agent = 'planner'"), ["2"]);
    cluster.stop().await;
}

/// Each stage is held by whoever is needed for it being stopped in the middle of it.
#[tokio::test]
async fn a_task_that_is_cancelled_in_whatever_stage_leaves_nothing() {
    let mut cluster = Setup::new().stores(Stores::mariadb()).lease(3).start().await;
    let held = [
        (Stage::Plan, Role::Coder, None),
        (Stage::Design, Role::Architect, None),
        (Stage::Build, Role::Coder, Some(Stage::Build)),
        (Stage::Verify, Role::Tester, None),
        (Stage::Approve, Role::Planner, Some(Stage::Approve)),
    ];
    for (stage, who, once) in held {
        let submit = SubmitTask { approval: Approval::Always, ..goal(&cluster) };
        if once.is_none() {
            cluster.replica(who, 0).pause();
        }
        let task = cluster.client.submit(&submit, &TaskId::fresh().to_string()).await.expect("accepted");
        let seen = cluster.when(task.id, |task| task.stage >= stage).await;
        if once == Some(Stage::Build) {
            cluster.replica(who, 0).pause();
        }
        let asked = Instant::now();
        cluster.client.cancel(task.id).await.unwrap_or_else(|failure| panic!("in {stage:?}: {failure}, {seen:#?}"));
        sleep(Duration::from_millis(300)).await;
        if who != Role::Planner {
            cluster.replica(who, 0).resume();
        }
        let ended = timeout(STOPS, cluster.finished(task.id)).await.expect("in time");
        assert_eq!(ended.status, Status::Cancelled, "in {stage:?}: {ended:#?}");
        nothing_is_open(&cluster, asked).await;
        println!("{stage:?}: all stopped after {:.1} s", asked.elapsed().as_secs_f64());
        let app = cluster.client.app(&submit.app).await;
        assert!(app.is_err() || app.is_ok_and(|app| app.live.is_none()), "cancelled, and live");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_going_live_is_not_cancelled() {
    let mut cluster = Setup::new().stores(Stores::mariadb()).lease(10).start().await;
    let submit = SubmitTask { approval: Approval::Always, ..goal(&cluster) };
    let task = cluster.client.submit(&submit, &TaskId::fresh().to_string()).await.expect("accepted");
    cluster.when(task.id, |task| task.status == Status::Waiting).await;
    cluster.replica(Role::Coder, 0).pause();
    cluster.client.approve(task.id).await.expect("approved");
    cluster.when(task.id, |task| task.stage == Stage::Release).await;
    match cluster.client.cancel(task.id).await {
        Err(Failure::Problem(problem)) => assert_eq!(problem.code, Code::Releasing),
        other => panic!("{other:?}"),
    }
    cluster.replica(Role::Coder, 0).resume();
    assert_eq!(cluster.finished(task.id).await.status, Status::Succeeded);
    cluster.stop().await;
}

/// No job of any agent goes on, and no preview is there.
async fn nothing_is_open(cluster: &Cluster, since: Instant) {
    loop {
        let open = cluster.rows("select agent, tool, state from jobs where ended_at is null");
        let previews = std::fs::read_dir(cluster.environment_dir().join("previews")).expect("a directory").count();
        if open.is_empty() && previews == 0 {
            return;
        }
        assert!(since.elapsed() < STOPS, "still open: {open:?}, {previews} previews");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_stream_goes_on_at_another_process_when_its_own_is_killed() {
    let mut cluster = Setup::new().stores(Stores::mariadb()).hints(redis()).replicas(Role::Planner, 2).start().await;
    let task = cluster.client.submit(&goal(&cluster), &TaskId::fresh().to_string()).await.expect("accepted");
    let streams = cluster.streams();
    let first = streams.at(&cluster.replica(Role::Planner, 0).origin());
    let second = streams.at(&cluster.replica(Role::Planner, 1).origin());
    let mut stream = first.open(task.id, 0).await.expect("a stream");
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(stream.next().await.expect("the task goes on"));
    }
    cluster.replica(Role::Planner, 0).kill();
    // What was under way on the connection may still come.
    while let Some(event) = stream.next().await {
        seen.push(event);
    }
    assert!(!matches!(seen.last(), Some(Event { what: What::Ended { .. }, .. })), "it was cut off");
    let mut stream = second.open(task.id, seen.len() as u64).await.expect("a stream");
    while let Some(event) = stream.next().await {
        seen.push(event);
    }
    assert_eq!(seen.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=seen.len() as u64).collect::<Vec<_>>());
    assert!(matches!(&seen[seen.len() - 1].what, What::Ended { status: Status::Succeeded, .. }), "{seen:#?}");
    let mut whole = second.open(task.id, 0).await.expect("a stream");
    for event in &seen {
        assert_eq!(whole.next().await.as_ref(), Some(event));
    }
    cluster.replica(Role::Planner, 0).restart(&[]).await;
    cluster.stop().await;
}

/// Half of the events are another process's than the one that streams them.
#[tokio::test]
async fn with_redis_what_one_process_does_is_seen_at_the_other_at_once() {
    let mut cluster = Setup::new().stores(Stores::mariadb()).hints(redis()).replicas(Role::Planner, 2).start().await;
    let streams = cluster.streams().at(&cluster.replica(Role::Planner, 0).origin());
    let mut late = Vec::new();
    for _ in 0..4 {
        let task = cluster.client.submit(&goal(&cluster), &TaskId::fresh().to_string()).await.expect("accepted");
        let mut stream = streams.open(task.id, 0).await.expect("a stream");
        while let Some(event) = stream.next().await {
            late.push((Utc::now() - event.at).num_milliseconds());
        }
    }
    late.sort_unstable();
    let at = |share: usize| late[(late.len() - 1) * share / 100];
    println!("{} events were seen after {} ms (median), {} ms (p95), {} ms (all)", late.len(), at(50), at(95), at(100));
    // By polling alone half of them would take up to a second.
    assert!(at(75) < 250, "{late:?}");
    cluster.stop().await;
}

#[tokio::test]
async fn what_a_process_hands_back_when_told_to_stop_counts_as_no_attempt() {
    let agents = [Role::Coder, Role::Tester, Role::Planner];
    let setup = agents.into_iter().fold(Setup::new(), |setup, role| setup.replicas(role, 2));
    // A lease that none outlives: what goes on at once was handed back.
    let mut cluster = setup.stores(Stores::mariadb()).hints(redis()).lease(120).start().await;
    let task = cluster.client.submit(&goal(&cluster), &TaskId::fresh().to_string()).await.expect("accepted");
    for (stage, role) in [(Stage::Build, Role::Coder), (Stage::Verify, Role::Tester), (Stage::Release, Role::Planner)] {
        cluster.when(task.id, |task| task.stage >= stage).await;
        let began = Instant::now();
        cluster.replica(role, 0).stop().await;
        println!("{}: stopped after {:.2} s", role.name(), began.elapsed().as_secs_f64());
    }
    let ended = timeout(Duration::from_secs(60), cluster.finished(task.id)).await.expect("no lease had to end");
    assert_eq!(ended.status, Status::Succeeded, "{ended:#?}");
    assert_eq!(
        cluster.rows("select agent, tool from jobs where lost_leases > 0 or failures > 0"),
        Vec::<String>::new()
    );
    cluster.stop().await;
}
