package profile

// Called is what people call a word of a closed list; the empty Name where no
// list has it.
func Called(word string) Name { return lexicon[word] }
