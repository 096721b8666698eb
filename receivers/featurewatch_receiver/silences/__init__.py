"""The silences that are made here: acknowledgements, holds, and silences of one alert."""
