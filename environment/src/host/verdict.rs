//! What a verdict must be before anything goes live on it.

use ed25519_dalek::{Signature, VerifyingKey};
use protocol::{
    Code, Problem, Timestamp,
    artifact::{Outcome, Verdict, VerdictKind},
    tools::host::ActivateReleaseInput,
};

/// Refuses a verdict that is not the Tester's, or not over exactly what is to go live, or not green, or too old.
pub(super) fn verify(input: &ActivateReleaseInput, tester: &VerifyingKey, now: Timestamp) -> Result<(), Problem> {
    let verdict = &input.verdict;
    let refusals = [
        (!signed(verdict, tester), "its signature is not the Tester's"),
        (verdict.kind != VerdictKind::Preview, "it was not made in a preview"),
        (verdict.app != input.app, "it is about another app"),
        (verdict.task != input.task, "it is about another task"),
        (verdict.base != input.base, "it is about another base"),
        (verdict.change_set != input.change_set, "it is about another change-set"),
        (verdict.expires_at <= now, "it has expired"),
        (
            verdict.started_at > verdict.finished_at || verdict.finished_at > verdict.expires_at,
            "its times make no sense",
        ),
        (!verdict.passed, "it did not pass"),
        (verdict.results.is_empty(), "it holds no results"),
        (verdict.results.iter().any(|result| result.outcome != Outcome::Passed), "one of its checks did not pass"),
    ];
    if let Some((_, why)) = refusals.into_iter().find(|(refused, _)| *refused) {
        return Err(Code::VerdictInvalid.problem(why));
    }
    for id in Verdict::MANDATORY {
        let named = verdict.mandatory.iter().any(|mandatory| mandatory == id);
        if !named || !verdict.results.iter().any(|result| result.id == id) {
            return Err(Code::VerdictInvalid.problem(format!("the check {id} is missing")));
        }
    }
    Ok(())
}

fn signed(verdict: &Verdict, tester: &VerifyingKey) -> bool {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let signature = BASE64_STANDARD.decode(&verdict.signature).ok();
    let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
    signature.is_some_and(|signature| tester.verify_strict(&verdict.signed_bytes(), &signature).is_ok())
}
