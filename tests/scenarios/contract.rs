//! Goals drawn over the whole grammar, built, deployed, and held against the contract by a reader who knows nothing of the
//! engine.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, RngSeed, TestRng, TestRunner},
};
use tests::{
    World,
    contract::{Spec, drive},
};

/// The same goals every time.
#[tokio::test]
async fn known_goals_keep_the_contract() {
    let runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    hold(runner, 5).await;
}

/// Others every time; the seed is printed when one fails.
#[tokio::test]
async fn unknown_goals_keep_the_contract() {
    let seed = std::env::var("YONIN_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let seed = seed.unwrap_or_else(rand::random);
    eprintln!("again: YONIN_TEST_SEED={seed}");
    hold(TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() }), 3).await;
}

async fn hold(mut runner: TestRunner, cases: usize) {
    let world = World::start();
    for _ in 0..cases {
        let spec = Spec::any().new_tree(&mut runner).expect("a goal").current();
        let goal = spec.goal();
        eprintln!("{goal}");
        let app = world.fresh_app();
        world.goal(&app, &goal).succeed().await;
        drive(&world.site(&app), &spec).await;
    }
}
