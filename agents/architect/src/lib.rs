//! architect
