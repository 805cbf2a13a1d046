-- Run once by the image, as its administrator. The ledger's role owns its database and nothing else, and is no superuser.
-- For a role that cannot even change its own tables see the guide to operations.
CREATE ROLE ledger LOGIN;
CREATE DATABASE ledger OWNER ledger ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
