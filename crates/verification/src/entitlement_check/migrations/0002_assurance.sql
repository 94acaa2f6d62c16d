-- What a check asks of the card: pin_authenticated, or card_present.
ALTER TABLE entitlement_check ADD COLUMN assurance {text} NOT NULL DEFAULT 'pin_authenticated';
-- Whether the card is to be enrolled for use without PIN.
ALTER TABLE entitlement_check ADD COLUMN enrol_presence {int} NOT NULL DEFAULT 0;
ALTER TABLE entitlement_check ADD COLUMN presence_enrolled {int} NOT NULL DEFAULT 0;
-- Reason code, if it was asked for and did not happen.
ALTER TABLE entitlement_check ADD COLUMN presence_refusal {text};
