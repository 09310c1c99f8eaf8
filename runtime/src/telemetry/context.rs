//! Where in a trace somebody is, as it goes from one service to the next: W3C Trace Context.

use http::HeaderMap;
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use serde_json::{Map, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What it is called in HTTP headers, and in the `_meta` of MCP requests.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// What tracing systems add to it for themselves.
pub(crate) const TRACESTATE: &str = "tracestate";

/// A `traceparent` of version 00 in bytes. Later versions begin with the same.
const LENGTH: usize = 55;
/// No `traceparent` of any version that is longer is looked at.
const LONGEST: usize = 256;
/// A `tracestate` that is longer is left out: as much as everybody passes on.
const LONGEST_STATE: usize = 512;

/// A span that others continue from, in this process or another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TraceContext(SpanContext);

impl TraceContext {
    /// The span that goes on around the caller. `None` when there is none: always so where no traces go out.
    pub(crate) fn current() -> Option<Self> {
        Self::of(&Context::current())
    }

    /// That span.
    pub(crate) fn of_span(span: &Span) -> Option<Self> {
        Self::of(&span.context())
    }

    fn of(context: &Context) -> Option<Self> {
        let span = context.span().span_context().clone();
        span.is_valid().then_some(Self(span))
    }

    /// What the headers of a request say. Whatever is wrong with them, it is as if they had not come.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        // Of two, nobody knows which one counts.
        let parent = parents.next().filter(|_| parents.next().is_none())?.to_str().ok()?;
        let states = headers.get_all(TRACESTATE).iter().map(|state| state.to_str());
        let state = states.collect::<Result<Vec<_>, _>>().unwrap_or_default().join(",");
        Self::parse(parent, &state)
    }

    /// What the `_meta` of a request says. Whatever is wrong with it, it is as if it had not come.
    pub(crate) fn of_meta(meta: &Map<String, Value>) -> Option<Self> {
        let text = |key| meta.get(key).and_then(Value::as_str);
        Self::parse(text(TRACEPARENT)?, text(TRACESTATE).unwrap_or_default())
    }

    /// As [`TraceContext::stored`] has written it.
    pub(crate) fn read(stored: &str) -> Option<Self> {
        let (parent, state) = stored.split_once(' ').unwrap_or((stored, ""));
        Self::parse(parent, state)
    }

    /// In one line, to be kept beside a job: at most 568 bytes.
    pub(crate) fn stored(&self) -> String {
        match self.state() {
            Some(state) => format!("{} {state}", self.parent()),
            None => self.parent(),
        }
    }

    /// The `traceparent`.
    pub(crate) fn parent(&self) -> String {
        let Self(span) = self;
        format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
    }

    /// The `tracestate`, if there is one.
    pub(crate) fn state(&self) -> Option<String> {
        let state = self.0.trace_state().header();
        (!state.is_empty() && state.len() <= LONGEST_STATE).then_some(state)
    }

    /// The trace, as logs name it.
    pub(crate) fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// Lets a span that was just made continue from here.
    pub(super) fn continue_in(&self, span: &Span) {
        // Refused where no traces go out, and to spans that are not sampled by level: then there is nothing to continue.
        let _ = span.set_parent(Context::new().with_remote_span_context(self.0.clone()));
    }

    /// Says of a span that was just made that it has to do with this one, too.
    pub(super) fn link_to(&self, span: &Span) {
        span.add_link(self.0.clone());
    }

    fn parse(parent: &str, state: &str) -> Option<Self> {
        let parent = parent.trim_matches(' ');
        if parent.len() > LONGEST || !parent.is_ascii() {
            return None;
        }
        let (known, more) = parent.split_at_checked(LENGTH)?;
        let [version, trace, span, flags] = known.split('-').collect::<Vec<_>>().try_into().ok()?;
        let widths = (version.len(), trace.len(), span.len(), flags.len());
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
        let ends = if version == "00" { more.is_empty() } else { more.is_empty() || more.starts_with('-') };
        if widths != (2, 32, 16, 2) || !known.bytes().all(is_hex) || !ends || version == "ff" {
            return None;
        }
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
        let is_state = state.len() <= LONGEST_STATE && state.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        let state = if is_state { state.parse::<TraceState>().unwrap_or_default() } else { TraceState::default() };
        let span = SpanContext::new(trace, span, flags, true, state);
        // Zeros name nothing.
        span.is_valid().then_some(Self(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    fn meta(meta: &Value) -> Option<TraceContext> {
        TraceContext::of_meta(meta.as_object().expect("an object"))
    }

    #[test]
    fn headers_and_meta_say_the_same() {
        let of_headers = TraceContext::of_headers(&headers(&[(TRACEPARENT, GOOD), (TRACESTATE, "a=1,b=2")]));
        let of_meta = meta(&json!({ "traceparent": GOOD, "tracestate": "a=1,b=2", "other": 7 }));
        let context = of_headers.expect("understood");
        assert_eq!(of_meta.as_ref(), Some(&context));
        assert_eq!(context.parent(), GOOD);
        assert_eq!(context.state().as_deref(), Some("a=1,b=2"));
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        let several = headers(&[(TRACEPARENT, GOOD), (TRACESTATE, "a=1"), (TRACESTATE, "b=2")]);
        assert_eq!(TraceContext::of_headers(&several), Some(context));
    }

    #[test]
    fn what_was_stored_is_read_again() {
        for state in ["", "a=1,b=2"] {
            let context = TraceContext::parse(GOOD, state).expect("understood");
            assert_eq!(TraceContext::read(&context.stored()), Some(context));
        }
        for junk in ["", " ", "a b", "00"] {
            assert_eq!(TraceContext::read(junk), None, "{junk:?}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = GOOD.replacen("00", "cc", 1);
        for later in [later.clone(), format!("{later}-what-the-future-brings")] {
            assert_eq!(TraceContext::parse(&later, "").expect("understood").parent(), GOOD);
        }
        assert_eq!(TraceContext::parse(&format!("{later}x"), ""), None);
        assert_eq!(TraceContext::parse(&format!("{later}-{}", "x".repeat(LONGEST)), ""), None);
    }

    #[test]
    fn junk_is_no_context_and_no_error() {
        let junk = [
            String::new(),
            "00".to_owned(),
            GOOD.to_uppercase(),
            GOOD.replace('-', "_"),
            GOOD.replacen("00", "ff", 1),
            GOOD.replacen("00", "+0", 1),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c-b", "0af7651916cd43dd8448eb211c80319-cb"),
            format!("{GOOD}-01"),
            format!("{GOOD} "),
            "0".repeat(100_000),
            "四".repeat(20),
            "é".repeat(40),
        ];
        for junk in &junk[..] {
            let trimmed = junk.trim_matches(' ') == GOOD;
            assert_eq!(meta(&json!({ "traceparent": junk })).is_some(), trimmed, "{junk}");
        }
        for junk in [json!(7), json!(null), json!({ "traceparent": GOOD }), json!([GOOD])] {
            assert_eq!(meta(&json!({ "traceparent": junk })), None);
        }
        let two = headers(&[(TRACEPARENT, GOOD), (TRACEPARENT, GOOD)]);
        assert_eq!(TraceContext::of_headers(&two), None, "of two none counts");
        let mut binary = headers(&[]);
        binary.append(TRACEPARENT, http::HeaderValue::from_bytes(&[0xff; LENGTH]).expect("a value"));
        assert_eq!(TraceContext::of_headers(&binary), None);
    }

    #[test]
    fn a_state_that_is_wrong_or_too_long_is_left_out_alone() {
        for state in ["no pairs", "A=1", "a=1\nb", "a=四", &format!("a=1{}", ",".repeat(LONGEST_STATE))] {
            let context = TraceContext::parse(GOOD, state).expect("the parent counts all the same");
            assert_eq!(context.state(), None, "{state}");
            assert!(context.stored().len() <= 568);
        }
        assert_eq!(meta(&json!({ "traceparent": GOOD, "tracestate": 7 })).and_then(|it| it.state()), None);
    }
}
