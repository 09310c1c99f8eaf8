//! Logs and metrics.

/// Starts logging to standard error: JSON lines when `YONIN_LOG_FORMAT` is `json`, text otherwise; the level from `YONIN_LOG`
/// (`info` unless given). Call it once, in `main`.
pub fn start() {
    todo!()
}
