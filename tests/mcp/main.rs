//! The front door as others see it: the protocol's conformance suite, clients that others wrote, requests of the worst kind.

mod answer;
mod clients;
mod conformance;
mod guide;
mod hostile;
mod mutations;
mod older;
mod replicas;
mod tools;
