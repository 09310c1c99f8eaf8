//! How much may be asked of a provider at the same time, and in a minute.
