select tconst, directors, writers
from {{ source('files', 'title_crew_tsv') }}
