-- A company's word that it has a customer with certain attributes. The attributes are nowhere: only a keyed tag of them.
CREATE TABLE matching_tag (
    relying_party_id {text} NOT NULL,
    customer_id      {text} NOT NULL,
    tag              {blob} NOT NULL,
    registration_id  {text} NOT NULL,
    purpose          {text} NOT NULL,
    basis            {text} NOT NULL,
    basis_reference  {text},
    -- how many different tags this customer id had: attributes are not to be guessed
    attempts         {int} NOT NULL,
    expires_at       {int} NOT NULL,
    -- once a resident proved these attributes: who, under which certificate, and what they answered
    person_id        {text},
    attributes_serial {text},
    found_at         {int},
    refused_at       {int},
    PRIMARY KEY (relying_party_id, customer_id)
);
CREATE INDEX matching_tag_tag ON matching_tag (tag);
CREATE INDEX matching_tag_person ON matching_tag (person_id) WHERE person_id IS NOT NULL;
-- Whose tags there may be: few, so that a search computes few tags.
CREATE TABLE matching_relying_party (relying_party_id {text} PRIMARY KEY);
-- A search that a resident began in the portal, to be signed with the card.
CREATE TABLE matching_search (
    id          {text} PRIMARY KEY,
    person_id   {text} NOT NULL,
    nonce       {text} NOT NULL,
    created_at  {int} NOT NULL,
    expires_at  {int} NOT NULL,
    completed_at {int}
);
