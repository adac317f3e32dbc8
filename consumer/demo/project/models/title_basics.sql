select tconst, titletype, primarytitle, originaltitle, isadult, startyear, endyear, runtimeminutes, genres
from {{ source('files', 'title_basics_tsv') }}
