//! Delivery of the change stream, on both engines, over real connections on this machine.

mod push;
