//! Push: endpoints by their routes, deliveries to receivers of every conduct.

mod chaos;
mod delivery;
mod endpoints;
mod receiver;
mod vector;
mod world;
