//! The rules of the store, on every backend.
