-- By which way an unsubscribe came: link, one-click, api or manual. NULL for what followed from an event.
ALTER TABLE suppressions ADD COLUMN source TEXT;
