//! Goals drawn over the whole grammar, built, deployed, and held against the contract by a reader who knows nothing of the
//! engine. Then the app grows, with rows in it.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, RngSeed, TestRng, TestRunner},
};
use tests::{
    World,
    contract::{Growth, Spec, clear, drive, rows_of, survives},
};

/// The same goals every time.
#[tokio::test]
async fn known_goals_keep_the_contract() {
    let runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    hold(runner, 3).await;
}

/// Others every time; the seed is printed when one fails. `YONIN_TEST_CASES` asks for more of them.
#[tokio::test]
async fn unknown_goals_keep_the_contract() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("YONIN_TEST_SEED").unwrap_or_else(rand::random);
    eprintln!("again: YONIN_TEST_SEED={seed}");
    let runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() });
    hold(runner, number("YONIN_TEST_CASES").unwrap_or(2)).await;
}

async fn hold(mut runner: TestRunner, cases: u64) {
    let world = World::start();
    for case in 1..=cases {
        let spec = Spec::any().new_tree(&mut runner).expect("a goal").current();
        let growth = Growth::of(&spec).new_tree(&mut runner).expect("a second goal").current();
        let (app, goal) = (world.fresh_app(), spec.goal());
        eprintln!("{case} of {cases}: {goal}");
        world.goal(&app, &goal).succeed().await;
        let site = world.site(&app);
        drive(&site, &spec).await;

        let rows = rows_of(&site, &spec).await;
        eprintln!("then: {}", growth.goal);
        world.goal(&app, &growth.goal).succeed().await;
        survives(&site, &growth, &rows).await;
        clear(&site, &growth.after).await;
        drive(&site, &growth.after).await;
    }
}
