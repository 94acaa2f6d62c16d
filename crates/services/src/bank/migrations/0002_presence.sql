-- What a sign-in asks of the card: pin, pin_enrolling, presence.
ALTER TABLE bank_sign_in ADD COLUMN asked {text} NOT NULL DEFAULT 'pin';
-- The card's proof of its free key (JSON), kept only until judged.
ALTER TABLE bank_sign_in ADD COLUMN presence {text};

-- How the customer was recognised: pin_authenticated, card_present. Only the first opens an account.
ALTER TABLE bank_session ADD COLUMN assurance {text} NOT NULL DEFAULT 'pin_authenticated';

-- When the customer's card was last registered for the reception without PIN.
ALTER TABLE bank_account ADD COLUMN presence_enrolled_at {int};
