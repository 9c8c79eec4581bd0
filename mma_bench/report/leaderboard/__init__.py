"""The leaderboard: many runs on one static page, only comparable ones in one table."""
