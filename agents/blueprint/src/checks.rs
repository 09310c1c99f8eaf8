use protocol::artifact::{Check, Design};

/// What must hold of an app that was built from this design.
#[must_use]
pub fn checks(_design: &Design) -> Vec<Check> {
    Vec::new()
}
