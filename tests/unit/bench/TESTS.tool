scenario
letters
