//! How often things happen: the one table that the population lives by.
//!
//! **Measured** means published statistics of Japan in round figures, from general knowledge and not looked up again
//! here; **assumed** means that no figure is known to us and this one is our own choice. JPKI figures are not
//! published (facts §9.8): everything about cards and certificates is assumed. `docs/population.md` shows the table.

/// Rates and shares. Rates are per year; shares are probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// Births per resident. Measured: 0.69 million of 124 million.
    pub births: f64,
    /// Deaths per resident. Measured: 1.6 million of 124 million.
    pub deaths: f64,
    /// Moves to Japan per resident. Measured, in round figures: 0.6 million.
    pub arrivals: f64,
    /// Moves abroad per resident. Measured, in round figures: 0.5 million.
    pub departures: f64,
    /// Moves between municipalities per resident. Measured: about 5 million a year.
    pub moves_between: f64,
    /// Moves within a municipality per resident. Assumed from the census's question on the address five years ago.
    pub moves_within: f64,
    /// Marriages with a change of name per resident. Measured: 0.48 million, one name each.
    pub marriages: f64,
    /// Other changes of name per resident, mostly divorces. Measured: 0.18 million, two in three with a name.
    pub renames: f64,
    /// Corrections of the register per resident. Assumed.
    pub corrections: f64,
    /// Applications for a card per resident without one. Assumed.
    pub applications: f64,
    /// Reports of loss per card. Assumed.
    pub losses: f64,
    /// Reports of theft per card. Assumed.
    pub thefts: f64,
    /// Reports of a leaked PIN or key per card. Assumed.
    pub leaks: f64,
    /// Cards given back for good, per card. Assumed.
    pub returns: f64,
    /// Damaged cards that are replaced, per card. Assumed.
    pub damages: f64,

    /// Residents with a card on the founding day. Measured: about four in five.
    pub with_card: f64,
    /// Holders of a card, 15 or older, who want a signing certificate. Assumed.
    pub with_signing: f64,
    /// Newborns whose parents apply for a card within two years. Assumed.
    pub newborns_with_card: f64,
    /// Certificates renewed within the three months before their end. Assumed.
    pub renewed_in_time: f64,
    /// Certificates replaced after their end, some time later. Assumed.
    pub renewed_late: f64,
    /// Mean days from a certificate's end to a late renewal. Assumed.
    pub renewed_late_days: f64,
    /// Changes of attributes with the new signing certificate at the same visit. Assumed.
    pub signing_at_once: f64,
    /// Changes of attributes with the new signing certificate at a later visit; the rest get none until they renew
    /// something else. Assumed.
    pub signing_later: f64,
    /// Mean days to that visit. Assumed.
    pub signing_later_days: f64,
    /// Lost, stolen and leaked cards that are replaced. Assumed.
    pub replaced: f64,

    /// Renewals that the authority records as the end of one certificate (cessationOfOperation) and the issue of
    /// another. Assumed: an untidiness that a verifier must stand.
    pub renewals_as_cessation: f64,
    /// Revocations whose reason is given as unspecified although it was another. Assumed: the same.
    pub reasons_unspecified: f64,
    /// New cards whose certificates are destroyed before they are handed over (unspecified, facts §2.2). Assumed.
    pub not_handed_over: f64,
}

impl Rates {
    /// Japan in the middle of the twenty-twenties.
    pub const JAPAN: Self = Self {
        births: 0.0056,
        deaths: 0.0129,
        arrivals: 0.0048,
        departures: 0.0040,
        moves_between: 0.0403,
        moves_within: 0.0250,
        marriages: 0.0039,
        renames: 0.0010,
        corrections: 0.0002,
        applications: 0.08,
        losses: 0.010,
        thefts: 0.0007,
        leaks: 0.0005,
        returns: 0.0008,
        damages: 0.003,
        with_card: 0.80,
        with_signing: 0.95,
        newborns_with_card: 0.6,
        renewed_in_time: 0.86,
        renewed_late: 0.08,
        renewed_late_days: 60.0,
        signing_at_once: 0.62,
        signing_later: 0.26,
        signing_later_days: 75.0,
        replaced: 0.80,
        renewals_as_cessation: 0.02,
        reasons_unspecified: 0.004,
        not_handed_over: 0.01,
    };
}

impl Default for Rates {
    fn default() -> Self {
        Self::JAPAN
    }
}

/// Residents of each ten years of age, of a thousand. Measured.
pub(super) const AGES: [u32; 10] = [74, 88, 101, 108, 136, 146, 120, 129, 81, 17];

/// How much likelier than others people of each five years of age are to die; of a thousand. Measured in shape.
pub(super) const MORTALITY: [u32; 22] =
    [1, 1, 1, 1, 1, 1, 1, 2, 2, 4, 6, 10, 16, 26, 41, 68, 116, 200, 340, 560, 820, 1000];

/// The same of moving house: the young move, the old stay.
pub(super) const MOBILITY: [u32; 22] = [
    420, 260, 200, 430, 1000, 960, 700, 480, 330, 260, 210, 180, 160, 140, 130, 140, 170, 210, 230, 220, 200,
    200,
];

/// The same of changing one's name by marriage.
pub(super) const MARRYING: [u32; 22] =
    [0, 0, 0, 10, 300, 1000, 700, 330, 150, 80, 40, 20, 12, 8, 5, 3, 1, 0, 0, 0, 0, 0];

/// The same of coming from or going abroad.
pub(super) const TRAVELLING: [u32; 22] =
    [120, 80, 60, 300, 1000, 900, 600, 400, 250, 150, 100, 70, 50, 30, 20, 10, 5, 3, 1, 1, 1, 1];

/// How much of a year's moves each month has, in thousandths of a twelfth. Measured in shape: March and April.
pub(super) const MOVES_BY_MONTH: [u32; 12] = [760, 800, 1850, 1550, 930, 880, 950, 930, 960, 960, 700, 730];

/// Relative sizes of the municipalities of [`crate::MUNICIPALITIES`].
pub(super) const TOWNS: [u32; 21] =
    [24, 27, 31, 59, 7, 35, 94, 8, 1, 11, 46, 24, 9, 11, 11, 15, 20, 14, 51, 22, 31];

/// The weight of an age in a table by five years.
pub(super) fn by_age(table: &[u32; 22], age: i32) -> u32 {
    let step = usize::try_from(age / 5).unwrap_or(0).min(table.len() - 1);
    table.get(step).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_one_thing_are_not_more_than_the_whole() {
        let rates = Rates::default();
        assert!(rates.renewed_in_time + rates.renewed_late <= 1.0);
        assert!(rates.signing_at_once + rates.signing_later <= 1.0);
        assert_eq!(AGES.iter().sum::<u32>(), 1000);
        assert_eq!(MOVES_BY_MONTH.iter().sum::<u32>(), 12_000);
        assert_eq!(TOWNS.len(), crate::MUNICIPALITIES.len());
        assert_eq!(
            (by_age(&MORTALITY, 104), by_age(&MORTALITY, 150), by_age(&MORTALITY, -1)),
            (820, 1000, 1)
        );
    }
}
