//! A resident (利用者) as the platform knows one: a random id to which certificates are linked and which outlives
//! each of them. It says nothing about the person and never leaves the platform: relying parties get a
//! [`crate::PairwiseId`].

musubi_kernel::define_id!(
    /// A resident, inside the platform only.
    PersonId,
    "pe"
);
