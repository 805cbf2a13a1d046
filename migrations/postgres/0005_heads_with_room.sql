-- A head is written anew with each commit to its stream. Where its page has no room for that the new row goes elsewhere,
-- and the index has one entry more; neighbours are often written together, so half of each page stays free.
ALTER TABLE heads SET (fillfactor = 50);
