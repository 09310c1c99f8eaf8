//! The Redis side of the environment: users, prefixes, invalidations.
