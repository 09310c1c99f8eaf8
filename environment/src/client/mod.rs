//! What Coder and Tester use on the environment, with the accounts of one app or preview.
