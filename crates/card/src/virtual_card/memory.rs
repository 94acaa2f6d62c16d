//! What changes on a card in use and outlasts the power.

use std::collections::BTreeMap;

use musubi_kernel::Secret;

use crate::layout::PinReference;

/// PINs and their counters.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    pins: BTreeMap<PinReference, PinMemory>,
}

/// One PIN.
#[derive(Debug, Clone)]
pub struct PinMemory {
    /// Its present value.
    pub value: Secret<String>,
    /// Tries that are left; 0 is blocked.
    pub tries_left: u8,
}

impl Memory {
    /// Sets a PIN with all its tries.
    #[must_use]
    pub fn with(mut self, reference: PinReference, value: &str) -> Self {
        let memory = PinMemory { value: Secret::new(value.to_owned()), tries_left: reference.max_tries() };
        self.pins.insert(reference, memory);
        self
    }

    /// Puts a PIN as it is.
    pub fn set(&mut self, reference: PinReference, memory: PinMemory) {
        self.pins.insert(reference, memory);
    }

    /// A PIN; `None` if this card has none under that reference.
    #[must_use]
    pub fn pin(&self, reference: PinReference) -> Option<&PinMemory> {
        self.pins.get(&reference)
    }

    /// The same, to change it.
    pub fn pin_mut(&mut self, reference: PinReference) -> Option<&mut PinMemory> {
        self.pins.get_mut(&reference)
    }

    /// All PINs, in the order of their references.
    pub fn iter(&self) -> impl Iterator<Item = (PinReference, &PinMemory)> {
        self.pins.iter().map(|(reference, memory)| (*reference, memory))
    }
}
