//! Named places where a test may end the process, as if the power had gone, or stop it. Without the feature `fail-points`, which no program
//! that is delivered has, there are none.

/// Where work can be cut off: `claim.before`, `claim.after`, `intent.before`, `intent.after`, `effect.after` (the act has taken
/// place and nobody has written it down), `outcome.after`, `checkpoint.before`, `checkpoint.after`, `commit.before`,
/// `commit.after`, `result.before`,
/// `result.after` (the job has been let go and nobody was told), `hint.after`; and those of the host.
///
/// `YONIN_FAIL_POINT` names one of them, or one with what it is about: `effect.after/activate`, and after a `#` which time it is
/// reached counts: `claim.after/release#2`. The process gets SIGKILL there; SIGSTOP when `YONIN_FAIL_SIGNAL` is `STOP`, and goes on
/// from there at SIGCONT.
#[cfg(feature = "fail-points")]
pub fn point(name: &str, about: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };
    static WANTED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let wanted = std::env::var("YONIN_FAIL_POINT").ok()?;
        let (point, count) = wanted.split_once('#').unwrap_or((&wanted, "1"));
        Some((point.to_owned(), count.parse().unwrap_or(1)))
    });
    static REACHED: AtomicU32 = AtomicU32::new(0);
    let Some((wanted, count)) = &*WANTED else { return };
    let is_it = wanted.split_once('/').map_or(wanted == name, |(point, of)| point == name && of == about);
    if is_it && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        use nix::sys::signal::{Signal, raise};
        eprintln!("fail point {name}/{about}");
        let stops = std::env::var("YONIN_FAIL_SIGNAL").is_ok_and(|signal| signal == "STOP");
        // The process goes: there is nobody who could be told that it did not.
        let _ = raise(if stops { Signal::SIGSTOP } else { Signal::SIGKILL });
    }
}

/// Nothing.
#[cfg(not(feature = "fail-points"))]
#[inline]
pub fn point(_name: &str, _about: &str) {}
