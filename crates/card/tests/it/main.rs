//! The card as a whole.

mod virtual_card;
