//! Every agent in processes of its own.

use tests::cluster::{Role, Setup, Stores};

#[tokio::test]
async fn work_goes_on_when_a_process_of_each_kind_is_killed() {
    let redis = std::env::var("YONIN_TEST_REDIS").expect("the test run starts a Redis: ./dev databases");
    let agents = [Role::Coder, Role::Architect, Role::Tester, Role::Planner];
    let setup = agents.into_iter().fold(Setup::new(), |setup, role| setup.replicas(role, 2));
    let mut cluster = setup.stores(Stores::mariadb()).hints(redis).start().await;
    let app = cluster.fresh_app();
    cluster.goal(&app, "posts(title:string!)").succeed().await;

    let task = cluster.goal(&app, "tags(name:string!)").submit().await.expect("accepted");
    for role in agents {
        cluster.replica(role, 0).kill();
    }
    let ended = cluster.finished(task.id).await;
    assert_eq!(ended.status, protocol::task::Status::Succeeded, "{ended:#?}");
    assert_eq!(cluster.get(&app, "/api/tags").await["total"], 0);
    for role in agents {
        cluster.replica(role, 0).restart(&[]).await;
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_process_ends_where_its_fail_point_is() {
    let mut cluster = Setup::new().start().await;
    cluster.replica(Role::Coder, 0).stop().await;
    cluster.replica(Role::Coder, 0).restart(&[("YONIN_FAIL_POINT", "effect.after/stage")]).await;
    let task = cluster.goal(&cluster.fresh_app(), "posts(title:string!)").submit().await.expect("accepted");
    let status = cluster.replica(Role::Coder, 0).ended().await;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
    cluster.replica(Role::Coder, 0).restart(&[]).await;
    let ended = cluster.finished(task.id).await;
    assert_eq!(ended.status, protocol::task::Status::Succeeded, "{ended:#?}");
    cluster.stop().await;
}
