"""What a series of daily costs says: how unusual a day is, and what the month comes to. Money itself is kept elsewhere, exactly."""
