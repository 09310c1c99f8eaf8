//! One conversation with a language model, as a part of one job.

use super::{
    Form, Models, Position, Question, Refusal, ToolSpec,
    data::clip_marked,
    usage::{total, usd},
    window::{self, estimate},
};
use crate::job::{Job, JobError, part_of};
use protocol::{
    Code, Digest,
    chat::{Message, Reply, Tokens, ToolCall, ToolResult, Try, Turn},
    tools::thinking::Allowance,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::VecDeque, convert::Infallible, time::Duration};

/// A turn is paid for so often without an answer.
const PAID_TRIES: usize = 8;
/// The longest that the first pause may be after a call that may go better when it is repeated; doubled with each, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// An answer that cannot be used is asked for again so often.
const MENDS: u32 = 3;
/// A conversation with tools has at most so many turns.
const MOST_TURNS: u32 = 80;
/// An answer is not worth asking for when it can't be longer than this, in tokens.
const SHORTEST: u64 = 500;
/// What a model is told of one tool call is cut off here, in bytes.
const LONGEST_RESULT: usize = 48 << 10;

/// What the model is told of the call that ended its work, and of those after it.
const ACCEPTED: &str = "Accepted.";
const TOO_LATE: &str = "Not carried out: the call before ended the work.";

/// What a conversation is about.
#[derive(Debug, Clone)]
pub struct Brief {
    /// The goal of the task that it is a part of, exactly as it was written.
    pub goal: String,
    /// The agent: `coder`.
    pub agent: &'static str,
    /// The round of build and verify, 0 before the first.
    pub round: u32,
    /// How often the agent did the same part of the same round before.
    pub again: u32,
    /// The instructions: what the model is, and must and must not do. They stay the same, whatever is said.
    pub instructions: String,
    /// What it may call. Nothing that it reads adds to these.
    pub tools: Vec<ToolSpec>,
    /// The form that its answers must have, where it calls no tools.
    pub form: Option<Form>,
    /// What may be spent.
    pub allowance: Allowance,
}

/// A conversation. Everything said is written down; a run that follows on one that died says it all again, and hears the same answers
/// without asking, until it comes to the call that was not answered.
pub struct Thinking<'a> {
    job: &'a Job,
    models: &'a Models,
    brief: Brief,
    prompt: Digest,
    /// The conversation so far.
    messages: Vec<Message>,
    /// What was said since the last answer.
    said: Vec<Message>,
    /// Turns of an earlier run that this one has not come to yet.
    past: VecDeque<Turn>,
    /// Turns of this run.
    turns: Vec<Turn>,
}

/// What carries out the tool calls of a conversation.
pub trait Hands: Send {
    /// What the conversation comes to.
    type Outcome: Send;

    /// Carries out a call. What it says goes to the model, also when the call was wrong; an error ends the conversation.
    fn call(&mut self, call: &ToolCall) -> impl Future<Output = Result<Did<Self::Outcome>, JobError>> + Send;

    /// Takes notice of a call that an earlier run carried out, and of what was said then: whatever it changed in these hands is
    /// changed again, and nothing outside of them.
    fn again(&mut self, call: &ToolCall, said: &str) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// The hands of a conversation without tools.
#[derive(Debug, Clone, Copy)]
pub struct NoHands;

impl Hands for NoHands {
    type Outcome = Infallible;

    async fn call(&mut self, call: &ToolCall) -> Result<Did<Infallible>, JobError> {
        Ok(Did::Said(format!("There is no tool {:?}.", call.name)))
    }

    async fn again(&mut self, _call: &ToolCall, _said: &str) -> Result<(), JobError> {
        Ok(())
    }
}

/// What came of a tool call.
#[derive(Debug)]
pub enum Did<T> {
    /// This is what the model is told.
    Said(String),
    /// The work is done.
    Finished(T),
}

impl<'a> Thinking<'a> {
    /// Begins a conversation, or takes up the one that an earlier run of the job had.
    ///
    /// # Errors
    /// [`JobError::Store`].
    pub async fn begin(job: &'a Job, models: &'a Models, brief: Brief) -> Result<Self, JobError> {
        let prompt = Digest::of(&(&brief.instructions, &brief.tools, &brief.form));
        let past = job.turns().await?.into();
        Ok(Self { job, models, brief, prompt, messages: Vec::new(), said: Vec::new(), past, turns: Vec::new() })
    }

    /// The prompt by name and address, and the model that answered last: what an artifact says of its making.
    #[must_use]
    pub fn made_by(&self) -> protocol::artifact::MadeBy {
        let last = self.messages.iter().rev().find_map(|message| match message {
            Message::Model(reply) => Some(reply.model.clone()),
            _ => None,
        });
        let model = last.unwrap_or_else(|| self.models.first());
        protocol::artifact::MadeBy { model, prompt: format!("{}@{}", self.brief.agent, self.prompt.short()) }
    }

    /// Says something. The model hears it with the next turn.
    pub fn say(&mut self, text: impl Into<String>) {
        self.said.push(Message::user(text));
    }

    /// The model's next answer.
    ///
    /// # Errors
    /// [`Code::BudgetExhausted`] before the call that would spend more than is allowed, [`Code::ContextTooLarge`],
    /// [`Code::ModelUnavailable`] after many tries. [`JobError::RateLimited`] while a provider has to be waited for.
    pub async fn next(&mut self) -> Result<Reply, JobError> {
        let mut turn = match self.past.pop_front() {
            Some(turn) => turn,
            None => Turn {
                turn: u32::try_from(self.turns.len()).unwrap_or(u32::MAX).saturating_add(1),
                prompt: self.prompt,
                instructions: self.turns.is_empty().then(|| self.brief.instructions.clone()),
                said: std::mem::take(&mut self.said),
                tries: Vec::new(),
            },
        };
        self.said.clear();
        self.messages.extend(turn.said.iter().cloned());
        let reply = match turn.tries.last() {
            Some(Try::Answered(reply)) => Ok(reply.clone()),
            _ => self.ask(&mut turn).await,
        };
        self.turns.push(turn);
        let reply = reply?;
        self.messages.push(Message::Model(reply.clone()));
        Ok(reply)
    }

    /// An answer of this form: asked for, read, looked at, and asked for again when it cannot be used. Before it answers, the model may
    /// look around with these hands.
    ///
    /// # Errors
    /// [`Code::ModelUnusable`] after some tries, or when it looks around without end; those of the hands and of [`Thinking::next`].
    pub async fn answer<T: DeserializeOwned, U>(
        &mut self,
        hands: &mut impl Hands<Outcome = Infallible>,
        look: impl Fn(T) -> Result<U, String> + Send,
    ) -> Result<U, JobError> {
        let (mut wrong, mut mends, mut before) = (String::new(), 0, None);
        for _ in 0..MOST_TURNS {
            let reply = self.next().await?;
            if !reply.calls.is_empty() && !self.brief.tools.is_empty() {
                self.carry_out_all(hands, &reply, &mut before).await?;
                continue;
            }
            wrong = match read(&reply).and_then(&look) {
                Ok(answer) => return Ok(answer),
                Err(wrong) => wrong,
            };
            mends += 1;
            if mends > MENDS {
                return Err(unusable(format!("{mends} answers could not be used; of the last: {wrong}")));
            }
            self.say(format!(
                "That cannot be used: {wrong}\nAnswer again, with the whole JSON object and nothing else."
            ));
        }
        Err(unusable(format!("it did not answer within {MOST_TURNS} turns; {wrong}")))
    }

    /// Lets the model work with tools until these hands say that it is done.
    ///
    /// # Errors
    /// [`Code::ModelUnusable`] when it calls nothing, or comes to no end; those of the hands and of [`Thinking::next`].
    pub async fn work<H: Hands>(&mut self, hands: &mut H) -> Result<H::Outcome, JobError> {
        let (mut idle, mut before) = (0, None);
        for _ in 0..MOST_TURNS {
            let reply = self.next().await?;
            if reply.calls.is_empty() {
                idle += 1;
                if idle > MENDS {
                    return Err(unusable("it kept talking and called no tool".to_owned()));
                }
                self.say(if reply.cut {
                    "Your answer was cut off because it was too long. Do it in smaller pieces, one file a call."
                } else {
                    "Nothing happens unless you call a tool. Go on with one."
                });
                continue;
            }
            idle = 0;
            if let Some(outcome) = self.carry_out_all(hands, &reply, &mut before).await? {
                return Ok(outcome);
            }
        }
        Err(unusable(format!("it was not done after {MOST_TURNS} turns")))
    }

    /// Carries out the calls of an answer in their order, up to one that ends the work.
    async fn carry_out_all<H: Hands>(
        &mut self,
        hands: &mut H,
        reply: &Reply,
        before: &mut Option<Vec<(String, Value)>>,
    ) -> Result<Option<H::Outcome>, JobError> {
        let calls: Vec<_> = reply.calls.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect();
        let again = before.as_ref() == Some(&calls);
        *before = Some(calls);
        let (mut results, mut outcome) = (Vec::new(), None);
        for call in &reply.calls {
            let content = match outcome {
                Some(_) => TOO_LATE.to_owned(),
                None => match self.carry_out(hands, call, again).await? {
                    Did::Said(content) => content,
                    Did::Finished(finished) => {
                        outcome = Some(finished);
                        ACCEPTED.to_owned()
                    }
                },
            };
            results.push(ToolResult { call: call.id.clone(), name: call.name.clone(), content });
        }
        // Also after the last one, for a conversation that goes on: providers want a result for every call.
        self.said.push(Message::Tools { results });
        Ok(outcome)
    }

    async fn carry_out<H: Hands>(
        &self,
        hands: &mut H,
        call: &ToolCall,
        again: bool,
    ) -> Result<Did<H::Outcome>, JobError> {
        // A call that ended the work ends it again.
        if let Some(said) = self.told(call).filter(|said| said != ACCEPTED) {
            hands.again(call, &said).await?;
            return Ok(Did::Said(said));
        }
        if !self.brief.tools.iter().any(|tool| tool.name == call.name) {
            let names: Vec<_> = self.brief.tools.iter().map(|tool| tool.name).collect();
            return Ok(Did::Said(format!("There is no tool {:?}; there are: {}.", call.name, names.join(", "))));
        }
        if !call.arguments.is_object() {
            return Ok(Did::Said("The arguments are not a JSON object.".to_owned()));
        }
        Ok(match hands.call(call).await? {
            Did::Said(said) => {
                let (mut told, whole) = clip_marked(&said, LONGEST_RESULT);
                if !whole {
                    told.push_str(&format!("\n(the rest of {} bytes was left out)", said.len()));
                }
                if again {
                    told.push_str("\n\n(You have just made exactly the same calls. Try something else.)");
                }
                Did::Said(told)
            }
            finished @ Did::Finished(_) => finished,
        })
    }

    /// What the model was told of this call in an earlier run.
    fn told(&self, call: &ToolCall) -> Option<String> {
        let results = self.past.front()?.said.iter().filter_map(|message| match message {
            Message::Tools { results } => Some(results),
            _ => None,
        });
        results.flatten().find(|result| result.call == call.id).map(|result| result.content.clone())
    }

    async fn ask(&self, turn: &mut Turn) -> Result<Reply, JobError> {
        let Brief { goal, agent, round, again, .. } = &self.brief;
        let at = Position { goal, agent, round: *round, again: *again, turn: turn.turn };
        let paid = turn.tries.iter().filter(|one| took(one) > 0).count();
        if paid >= PAID_TRIES || !turn.tries.is_empty() && waited(&turn.tries) >= self.models.patience() {
            return Err(given_up(&turn.tries));
        }
        let Brief { instructions, tools, form, .. } = &self.brief;
        let fixed = window::fixed(instructions, tools, form.as_ref());
        let longest = self.models.longest();
        let room = self.models.window().saturating_sub(longest).saturating_sub(fixed);
        let messages = window::fit(&self.messages, room).map_err(JobError::Terminal)?;
        let input = fixed + messages.iter().map(estimate).sum::<u64>();
        let (longest, reserved) = self.reserve(turn, input, longest)?;
        // Before anything is written down: who has to wait for leave has not tried.
        let place = self.models.place(paid, reserved.total()).map_err(|pause| {
            let problem = Code::ModelUnavailable.problem("no language model can be called just now");
            JobError::RateLimited(problem, pause)
        })?;
        let question = Question { instructions, tools, form: form.as_ref(), messages, longest };
        let (model, tried) = (place.model(), turn.tries.len());
        let act = async { place.ask(at, &question).await.map_err(|refusal| patient(refusal, tried)) };
        let asked = self.job.ask(turn, model, reserved, act).await?;
        turn.tries.push(asked.clone());
        match asked {
            Try::Answered(reply) => Ok(reply),
            Try::Refused { problem, pause_millis: Some(millis), .. } => {
                // Whatever it takes, no worker waits for it.
                Err(JobError::RateLimited(problem, Duration::from_millis(millis)))
            }
            Try::Refused { problem, .. } => Err(JobError::Terminal(problem)),
            Try::Lost { .. } => Err(JobError::Terminal(Code::Internal.problem("a call that was just made is lost"))),
        }
    }

    /// How long the answer may be, and what is set aside for the call, so that nothing is spent that is not there.
    fn reserve(&self, turn: &Turn, input: u64, longest: u64) -> Result<(u64, Tokens), JobError> {
        let (allowance, spent) = (self.brief.allowance, total(self.turns.iter().chain([turn])));
        let exhausted = |detail: String| Err(JobError::Terminal(Code::BudgetExhausted.problem(detail)));
        let shortest = SHORTEST.min(longest);
        let left = allowance.tokens.saturating_sub(spent.total());
        let mut longest = longest.min(left.saturating_sub(input));
        if longest < shortest || input > left {
            return exhausted(format!(
                "the next call would take {input} tokens and its answer; {left} of {} are left after {} turns",
                allowance.tokens,
                turn.turn - 1
            ));
        }
        let price = |output| self.models.price(Tokens { input, output, micro_usd: None });
        if let Some(limit) = allowance.micro_usd {
            let (Some(spent), Some(least), Some(most)) = (spent.micro_usd, price(shortest), price(longest)) else {
                let why = "the task has a limit in US dollars, and no price is set for the model (YONIN_MODEL_PRICES)";
                return exhausted(why.to_owned());
            };
            let left = limit.saturating_sub(spent);
            if least > left {
                let [cost, left, limit] = [least, left, limit].map(|amount| format!("{:.4} USD", usd(amount)));
                return exhausted(format!("the next call may cost {cost} and more; {left} of {limit} are left"));
            }
            if most > left {
                longest = affordable(shortest, longest, |output| price(output).is_some_and(|cost| cost <= left));
            }
        }
        Ok((longest, Tokens { input, output: longest, micro_usd: price(longest) }))
    }
}

/// The most between what can be paid for and what cannot.
fn affordable(mut enough: u64, mut too_much: u64, can_pay: impl Fn(u64) -> bool) -> u64 {
    while too_much - enough > 1 {
        let middle = enough.midpoint(too_much);
        if can_pay(middle) { enough = middle } else { too_much = middle }
    }
    enough
}

/// A refusal with the pause that is made after it: as long as the provider wants, and as the number of tries before it makes it, with
/// full jitter. It is written down with the try, so that whoever goes on knows how long the turn has waited.
fn patient(refusal: Refusal, tried: usize) -> Refusal {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(u32::try_from(tried).unwrap_or(u32::MAX)));
    let grown = part_of(doubled.min(LONGEST_PAUSE));
    Refusal { again: refusal.again.map(|pause| pause.max(grown)), ..refusal }
}

/// How long these tries have waited.
fn waited(tries: &[Try]) -> Duration {
    let pauses = tries.iter().filter_map(|one| match one {
        Try::Refused { pause_millis, .. } => *pause_millis,
        _ => None,
    });
    Duration::from_millis(pauses.fold(0, u64::saturating_add))
}

fn given_up(tries: &[Try]) -> JobError {
    let why = tries.iter().rev().find_map(|one| match one {
        Try::Refused { model, problem, .. } => Some(format!("{model}: {}", problem.detail)),
        _ => None,
    });
    let (calls, minutes) = (tries.len(), waited(tries).as_secs().div_ceil(60));
    let last = why.unwrap_or_else(|| "lost".to_owned());
    let detail = format!("{calls} calls, with {minutes} minutes of waiting, were not answered; the last: {last}");
    JobError::Terminal(Code::ModelUnavailable.problem(detail))
}

/// Tokens that a call took and that nothing came of.
fn took(one: &Try) -> u64 {
    match one {
        Try::Refused { tokens, .. } | Try::Lost { tokens, .. } => tokens.total(),
        Try::Answered(_) => 0,
    }
}

/// The outcome of a call, as it is written down.
pub(crate) fn became(answered: Result<Reply, Refusal>) -> Try {
    match answered {
        Ok(reply) => Try::Answered(reply),
        Err(Refusal { model, problem, again, tokens }) => {
            let pause_millis = again.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            Try::Refused { model, problem: *problem, pause_millis, tokens }
        }
    }
}

/// The JSON object in an answer, whatever stands around it.
fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T, String> {
    if reply.text.trim().is_empty() {
        return Err("it is empty.".to_owned());
    }
    let object = object(&reply.text).ok_or(if reply.cut {
        "it was cut off because it was too long. Say it shorter."
    } else {
        "there is no JSON object in it."
    })?;
    serde_path_to_error::deserialize(object).map_err(|error| format!("at {}: {}.", error.path(), error.inner()))
}

/// The longest JSON object that a text has.
fn object(text: &str) -> Option<Value> {
    let mut found: Option<(usize, Value)> = None;
    let mut from = 0;
    while let Some(start) = text[from..].find('{').map(|at| from + at) {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                let length = values.byte_offset();
                if found.as_ref().is_none_or(|(longest, _)| length > *longest) {
                    found = Some((length, value));
                }
                from = start + length;
            }
            _ => from = start + 1,
        }
    }
    found.map(|(_, value)| value)
}

fn unusable(detail: String) -> JobError {
    JobError::Terminal(Code::ModelUnusable.problem(detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_found_whatever_stands_around_it() {
        for text in [
            r#"{"a": {"b": 1}}"#,
            "Sure! Here is the plan {as you wished}:\n```json\n{\"a\": {\"b\": 1}}\n```\nAnything else? {}",
            "\u{feff}{\"a\":{\"b\":1}}",
        ] {
            assert_eq!(object(text), Some(json!({"a": {"b": 1}})), "{text}");
        }
        assert_eq!(object("I can't do that. { \"a\": "), None);
    }
}
