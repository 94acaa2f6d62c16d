//! The whole of Musubi, tested from outside. One binary: linking it is what costs.

#![cfg(test)]

mod api;
mod browser;
mod crash;
mod documents;
mod middleware;
mod portal;
mod secrets;
mod tidy;
mod vectors;
