//! yonin
