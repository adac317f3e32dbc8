select tconst, averagerating, numvotes
from {{ source('files', 'title_ratings_tsv') }}
