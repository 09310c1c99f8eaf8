//! Coders die while a model thinks, and while a tool of the model's runs.

use protocol::task::{ModelUsage, Status};
use serde_json::{Value, json};
use std::{collections::BTreeMap, os::unix::process::ExitStatusExt as _};
use tests::{
    cluster::{Role, Setup, Stores},
    provider::{Asked, IN, OUT, Provider, Says},
    team,
};

/// The goal's word.
const WORD: &str = "kept";
/// The turn whose answer does not come before the Coder dies.
const HELD: usize = 2;
/// Turns that the Coder takes in all.
const TURNS: usize = 5;

#[tokio::test]
async fn a_coder_that_dies_is_followed_by_one_that_asks_nothing_again_that_was_answered() {
    let redis = std::env::var("YONIN_TEST_REDIS").expect("the test run starts a Redis: ./dev databases");
    let mut held = false;
    let provider = Provider::answering(move |asked| {
        if !is_coders(asked) {
            return team::answer(asked, &[]);
        }
        if asked.turn() == HELD && !std::mem::replace(&mut held, true) {
            return Says::Nothing;
        }
        coder(asked.turn())
    })
    .await;
    let model = |name: &str| format!("openai:{name}@{}/v1", provider.url());
    let thinking = [Role::Planner, Role::Architect, Role::Coder, Role::Tester];
    let setup =
        thinking.into_iter().fold(Setup::new(), |setup, role| setup.variable(role, "YONIN_MODEL", model("other")));
    let mut cluster = setup.stores(Stores::mariadb()).hints(redis).replicas(Role::Coder, 2).start().await;
    let app = cluster.fresh_app();
    cluster.goal(&app, &team::make(app.as_str())).succeed().await;

    // Each Coder asks under a name of its own, and is alone when the work begins.
    cluster.replica(Role::Coder, 1).stop().await;
    cluster.replica(Role::Coder, 0).stop().await;
    cluster.replica(Role::Coder, 0).restart(&[("YONIN_MODEL", &model("first"))]).await;
    let task = cluster.goal(&app, &team::add(WORD)).submit().await.expect("accepted");
    provider.was_asked_one(|asked| is_coders(asked) && asked.turn() == HELD).await;

    // The second takes over, and dies itself when its draft has just been staged, for a call of an answer that is stored.
    let dies = ("YONIN_FAIL_POINT", "effect.after/stage/0001");
    cluster.replica(Role::Coder, 1).restart(&[("YONIN_MODEL", &model("second")), dies]).await;
    cluster.replica(Role::Coder, 0).kill();
    let status = cluster.replica(Role::Coder, 1).ended().await;
    assert_eq!(status.signal(), Some(9), "{status}");
    cluster.replica(Role::Coder, 0).restart(&[("YONIN_MODEL", &model("first"))]).await;

    let ended = cluster.finished(task.id).await;
    assert_eq!(ended.status, Status::Succeeded, "{ended:#?}");
    let asked: Vec<_> = provider.asked().into_iter().filter(is_coders).collect();
    assert_eq!(by_conversation(&asked), (0..TURNS).map(|turn| (turn, 1 + usize::from(turn == HELD))).collect());
    let by: Vec<_> =
        asked.iter().map(|asked| (asked.turn(), asked.body["model"].as_str().unwrap_or_default())).collect();
    assert_eq!(by, [(0, "first"), (1, "first"), (2, "first"), (2, "second"), (3, "second"), (4, "first")]);
    is_charged(&ended.usage.models);
    cluster.stop().await;
}

/// A conversation of the Coder's about this goal.
fn is_coders(asked: &Asked) -> bool {
    asked.agent() == "coder" && team::added(asked).as_deref() == Some(WORD)
}

/// What the Coder's model does, turn by turn.
fn coder(turn: usize) -> Says {
    match turn {
        0 => Says::call("list_files", &json!({})),
        1 => Says::call("read_file", &json!({"path": "public/index.php"})),
        HELD => team::calls([team::page(WORD)]),
        3 => Says::call("lint_php", &json!({})),
        _ => Says::call("finish", &json!({"summary": "It is there."})),
    }
}

/// How often each turn was asked for. In every turn the conversation was the same, however often.
fn by_conversation(asked: &[Asked]) -> BTreeMap<usize, usize> {
    let mut conversations: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for asked in asked {
        let said: &Value = &asked.body["messages"];
        conversations.entry(said.to_string()).or_insert((asked.turn(), 0)).1 += 1;
    }
    let turns: BTreeMap<_, _> = conversations.values().copied().collect();
    assert_eq!(turns.len(), conversations.len(), "a turn was asked for in other words");
    turns
}

/// Every call is charged, that which was never answered with what was set aside for it.
fn is_charged(models: &[ModelUsage]) {
    let of = |name: &str| {
        let found = models.iter().find(|usage| usage.agent == "coder" && usage.model.contains(name));
        found.unwrap_or_else(|| panic!("nothing of {name}: {models:#?}"))
    };
    let (first, second) = (of("first"), of("second"));
    assert_eq!((second.calls, second.tokens_in, second.tokens_out), (2, 2 * IN, 2 * OUT), "{models:#?}");
    assert_eq!(first.calls, 4, "three that were answered, and one that was not: {models:#?}");
    assert!(first.tokens_in > 4 * IN && first.tokens_out > 4 * OUT, "{models:#?}");
}
