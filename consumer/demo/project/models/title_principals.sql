select tconst, ordering, nconst, category, job, characters
from {{ source('files', 'title_principals_tsv') }}
