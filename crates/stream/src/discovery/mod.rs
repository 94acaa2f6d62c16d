//! What anybody may know of the platform as a transmitter: what it can do (OpenID Shared Signals Framework 1.0, 7) and under
//! which keys it signs (RFC 7517). Says nothing about any stream.

pub(crate) mod http;
