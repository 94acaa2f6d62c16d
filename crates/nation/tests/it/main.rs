//! The nation on both engines: PostgreSQL where `MUSUBI_TEST_POSTGRES` names a server.

#![cfg(test)]

mod cards;
mod founding;
mod lives;
mod ocsp;
mod openssl;
mod population;
mod profile;
mod published_lists;
mod support;
mod synthetic;
mod upstream;
mod verdicts;
mod virtual_cards;
