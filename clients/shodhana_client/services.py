"""The services by the names that the client and the command-line tool give them."""

SERVICES = {
    "embedding": "shodhana.api.embedding.v1.EmbeddingService",
    "identity": "shodhana.api.identity.v1.IdentityService",
    "users": "shodhana.api.identity.v1.UserService",
    "similarity": "shodhana.api.similarity.v1.SimilarityService",
    "lexicon": "shodhana.api.similarity.v1.LexiconService",
    "verses": "shodhana.api.similarity.v1.VerseService",
    "quality": "shodhana.api.quality.v1.QualityService",
    "review": "shodhana.api.review.v1.ReviewService",
    "knowledge": "shodhana.api.review.v1.KnowledgeService",
    "transcripts": "shodhana.api.transcripts.v1.TranscriptService",
}
