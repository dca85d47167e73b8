-- The last calls with a number, for an agent who asks whether it has called before.
CREATE INDEX calls_of_number ON calls (tenant, phone_number, started_at DESC) WHERE phone_number IS NOT NULL;
